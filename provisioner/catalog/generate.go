package catalog

// The older a dump of DescribeInstanceTypes, the more retired types it has that
// still carry a price, so the newest comes first and the older ones fill in.
// How to start the servers: see the comment of ./gen.

//go:generate go run ./gen --endpoint "moto 5.2.5=http://127.0.0.1:45525" --endpoint "moto 5.2.1=http://127.0.0.1:45521" --endpoint "moto 5.1.18=http://127.0.0.1:45518" --endpoint "moto 5.0.7=http://127.0.0.1:45507" --prices github.com/aws/karpenter-provider-aws@v1.15.1 --out types.tsv
