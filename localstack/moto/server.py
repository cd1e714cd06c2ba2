"""moto_server, corrected where the calls of Packhorse meet its mistakes.

    python3 localstack/moto/server.py -H 127.0.0.1 -p 5000

It takes the arguments of moto_server. It was written for moto 5.2.1, where

- RunTask answers, and so does DescribeTasks, with a container's cpu and memory as
  numbers. They are strings (Container, ECS API reference), and the Go SDK refuses to
  read anything else.
- RunTask knows no clientToken: a call that an SDK repeats starts a second task.
- RunTask knows no placementConstraints: the task goes to any host of the cluster.
- RunTask knows no capacityProviderStrategy: a task for Fargate looks for a host, and
  the call fails with 500.
- A task whose definition bounds its memory as a whole, as on Fargate, fails with 500.
- A task has no version, no times and no stopCode, and its containers have exited with 0
  and are PENDING all the time.
- A task that ends by itself gives nothing back to its host, which is full in the end.
- A connection that is kept open may be closed while the next call is on its way, which
  then fails, about 1 in 300. So none is kept.

What it does not become by that: it runs no containers. A task is RUNNING when it is
made, and each DescribeTasks takes it one state on, until it is STOPPED with exit code 0;
POST /moto-api/state-manager/set-transition changes that.
"""

import datetime
import sys
import threading
import types

import moto.server
from moto.core.responses import ActionResult
from moto.ecs import models, responses
from werkzeug import serving

# The states through which moto takes a task; ECS counts a task's changes likewise.
STATES = ["RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]
EXIT_KILLED = 137

tokens_lock = threading.Lock()


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Container(models.Container):
    __module__ = models.__name__  # moto files its classes by it

    task = None  # known as soon as that has its ARN

    def __init__(self, task_def):
        super().__init__(task_def)
        self.cpu = str(self.cpu or 0)
        if self.memory is not None:
            self.memory = str(self.memory)

    @property
    def last_status(self):
        return "PENDING" if self.task is None else self.task.last_status

    @last_status.setter
    def last_status(self, value):
        pass  # it is the task's

    @property
    def exitCode(self):
        if self.task is None or self.task.last_status != "STOPPED":
            return None
        return EXIT_KILLED if self.task.stopped_by_user else 0

    @exitCode.setter
    def exitCode(self, value):
        pass


class Task(models.Task):
    __module__ = models.__name__

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.stopped_by_user = False
        self.created_at = self.started_at = now()
        self.stopped_at = None
        for container in self.containers:
            container.task, container.task_arn = self, self.task_arn

    @property
    def last_status(self):
        status = self.status
        if status == "STOPPED" and self.stopped_at is None:
            self.stopped_at = now()
            if not self.stopped_by_user:
                self.desired_status = "STOPPED"
                self.stopped_reason = "Essential container in task exited"
                self.free()
        return status

    @last_status.setter
    def last_status(self, value):  # StopTask does this, and gives back what the task had
        self.stopped_by_user = self.stopped_at is None
        self.status = value

    def free(self):
        """Gives back to the host what the task had of it."""
        if not self.container_instance_arn:
            return
        host = self._backend.container_instances.get(self.cluster_name, {}).get(self.container_instance_arn.split("/")[-1])
        if host is not None:
            self._backend.update_container_instance_resources(host, self.resource_requirements, removing=True)

    @property
    def version(self):
        return 1 + STATES.index(self.last_status)

    @property
    def stop_code(self):
        if self.last_status != "STOPPED":
            return None
        return "UserInitiated" if self.stopped_by_user else "EssentialContainerExited"


models.Container, models.Task = Container, Task


needs = models.EC2ContainerServiceBackend._calculate_task_resource_requirements


def needs_of(definition):
    """What a task needs; a container without a bound of its own needs 0 MiB."""
    containers = [{**c, "memory": c.get("memory", c.get("memoryReservation", 0))} for c in definition.container_definitions]
    return needs(types.SimpleNamespace(container_definitions=containers))


models.EC2ContainerServiceBackend._calculate_task_resource_requirements = staticmethod(needs_of)


def run_task(self):
    cluster = self._get_param("cluster", "default")
    token = self._get_param("clientToken")
    with tokens_lock:
        known = self.ecs_backend.__dict__.setdefault("packhorse_tokens", {})
        answer = known.get((cluster, token))
        if answer is None:
            answer = place(self, cluster)
            if token and answer["tasks"]:
                known[cluster, token] = answer
    return ActionResult(answer)


def place(self, cluster):
    backend = self.ecs_backend
    name = cluster.split("/")[-1]
    common = {
        "overrides": self._get_param("overrides"),
        "started_by": self._get_param("startedBy"),
        "tags": self._get_param("tags"),
        "group": self._get_param("group"),
    }
    definition, count = self._get_param("taskDefinition"), self._get_int_param("count", 1)
    pinned = [c["expression"].split("==")[1].strip() for c in self._get_param("placementConstraints") or [] if c["type"] == "memberOf"]
    if pinned:
        hosts = backend.container_instances.get(name, {}).values()
        hosts = [h for h in hosts if h.ec2_instance_id in pinned and h.status == "ACTIVE"]
        if not hosts:
            return {"tasks": [], "failures": [{"reason": "MemberOf placement constraint unsatisfied."}]}
        if not backend._can_be_placed(hosts[0], needs_of(backend.describe_task_definition(definition))):
            return {"tasks": [], "failures": [{"arn": hosts[0].container_instance_arn, "reason": "RESOURCE:MEMORY"}]}
        tasks = backend.start_task(cluster, definition, [hosts[0].container_instance_arn], **common)
        for task in tasks:
            task.launch_type = "EC2"
        backend.update_cluster_resources(backend._get_cluster(cluster), len(tasks))
        return {"tasks": tasks, "failures": []}
    providers = [s["capacityProvider"] for s in self._get_param("capacityProviderStrategy") or []]
    launch_type = "FARGATE" if any(p.startswith("FARGATE") for p in providers) else self._get_param("launchType")
    tasks = backend.run_task(
        cluster,
        definition,
        count,
        launch_type=launch_type,
        networking_configuration=self._get_param("networkConfiguration"),
        platform_version=self._get_param("platformVersion"),
        **common,
    )
    for task in tasks if providers else []:
        task.capacity_provider_name = providers[0]
    return {"tasks": tasks, "failures": []}


responses.EC2ContainerServiceResponse.run_task = run_task


class OneCallAConnection(serving.WSGIRequestHandler):
    protocol_version = "HTTP/1.0"


if __name__ == "__main__":
    run_simple = serving.run_simple
    moto.server.run_simple = lambda *args, **kwargs: run_simple(*args, request_handler=OneCallAConnection, **kwargs)
    moto.server.main(sys.argv[1:])
