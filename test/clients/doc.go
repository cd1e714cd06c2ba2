// Package clients holds the tests that other people's clients make of packhorse serve:
// boto3 and the AWS CLI, each call as Nextflow, Metaflow, Snakemake, Airflow, Luigi,
// Redun, Cromwell, miniwdl, Toil and Terraform make it, with what they then rely on.
//
// The server runs jobs as plain processes. The tests are Python, one file for each
// subject, and are run by TestClients, which starts one server for all of them. Against
// a server that runs already:
//
//	cd test/clients && AWS_ENDPOINT_URL=http://127.0.0.1:4600 python3 -m unittest -v test_jobs
package clients
