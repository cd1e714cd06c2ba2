package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// server is a packhorse process under measurement.
type server struct {
	cmd     *exec.Cmd
	address string
	client  *awsbatch.Client
}

// startWait bounds how long a server may take to answer.
const startWait = time.Minute

// start runs packhorse serve on a data folder and waits until it answers.
func (b *bench) start(ctx context.Context, data string, args ...string) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(b.dir, filepath.Base(data)+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	binary, err := filepath.Abs(b.binary)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, append([]string{"serve", "--listen", address, "--data", data}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, address: address, client: client(address)}
	deadline := time.Now().Add(startWait)
	for {
		resp, err := http.Get("http://" + address + "/healthz")
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			return s, nil
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("the server does not answer: %w; see %s", err, log.Name()), s.stop())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// client is an AWS SDK client as an application would make it.
func client(address string) *awsbatch.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return awsbatch.New(awsbatch.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + address),
		Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
		HTTPClient:  &http.Client{Transport: transport},
	})
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// status reads a field of /proc/<pid>/status in KiB.
func (s *server) status(field string) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("/proc has no %s", field)
}

// cpu returns the CPU time that the process has used.
func (s *server) cpu() (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	const utime, stime, ticks = 11, 12, 100 // fields behind the name; USER_HZ
	u, err1 := strconv.ParseInt(fields[utime], 10, 64)
	k, err2 := strconv.ParseInt(fields[stime], 10, 64)
	return time.Duration(u+k) * time.Second / ticks, errors.Join(err1, err2)
}

// define registers a definition and returns its name.
func define(ctx context.Context, c *awsbatch.Client, name, image string, command ...string) error {
	_, err := c.RegisterJobDefinition(ctx, &awsbatch.RegisterJobDefinitionInput{
		JobDefinitionName: &name, Type: types.JobDefinitionTypeContainer,
		ContainerProperties: &types.ContainerProperties{
			Image: &image, Command: command,
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: aws.String("1")},
				{Type: types.ResourceTypeMemory, Value: aws.String("64")},
			},
		},
	})
	return err
}

// holdEnvironment disables the environment of the first start, so that what is
// submitted waits.
func holdEnvironment(ctx context.Context, c *awsbatch.Client, state types.CEState) error {
	_, err := c.UpdateComputeEnvironment(ctx, &awsbatch.UpdateComputeEnvironmentInput{
		ComputeEnvironment: aws.String("local"), State: state,
	})
	return err
}

// machine says what the figures were measured on.
func machine() string {
	cpu := "unknown CPU"
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				cpu = strings.Trim(name, " \t:\n")
				break
			}
		}
	}
	return fmt.Sprintf("%d x %s, %s, %s", runtime.NumCPU(), cpu, runtime.Version(), time.Now().UTC().Format(time.DateOnly))
}
