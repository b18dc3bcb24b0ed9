"""The chart, rendered: what runs, with which rights, and who reaches whom."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from api.cli.cluster import ROLES
from connectors.assembly.cluster import check_roles
from connectors.settings import load
from tests.helm.chart import Objects, checked, environment, fitting, rendered
from tests.helm.mirror import CHART, values
from tests.helm.test_values import SETS
from topologies.engines.faust import groups_of
from topologies.topology import build

pytestmark = pytest.mark.live

MINIMAL, PRODUCTION, TRIAL = SETS
ENGINES = {"kafka", "cassandra", "elasticsearch", "redis", "s3", "clamd"}


@cache
def objects(file: str) -> Objects:
    return Objects(rendered(file))


@pytest.mark.parametrize("file", SETS)
def test_helm_finds_nothing_to_complain_of(file: str) -> None:
    done = checked("lint", CHART, CHART / file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", SETS)
def test_each_object_fits_the_schema_of_its_kind(file: str) -> None:
    done = fitting(rendered(file))
    assert done.returncode == 0, done.stdout


def test_an_object_that_does_not_fit_is_told() -> None:
    manifests = rendered(MINIMAL)
    for wrong in (
        manifests.replace("terminationGracePeriodSeconds", "terminationGracePeriod"),
        manifests.replace("maxSurge: 25%", "maxSurge: [25]"),
        rendered(PRODUCTION).replace("scaleTargetRef:", "scaleTarget:"),
        rendered(PRODUCTION).replace("podMetricsEndpoints:", "podMetricEndpoints:"),
    ):
        assert fitting(wrong).returncode == 1


def test_a_wrong_value_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text(json.dumps({"settings": {"smtp_prot": 25}}))
    done = checked("template", CHART, "rillmail", CHART / MINIMAL, tmp_path / "wrong.json")
    assert (done.returncode, "smtp_prot" in done.stderr) == (1, True)


def test_an_engine_that_nobody_named_is_asked_for() -> None:
    done = checked("template", CHART, "rillmail")
    assert done.returncode == 1
    assert "settings.kafka_servers: say where it is" in done.stderr


def test_the_ports_of_users_are_not_served_without_a_certificate(tmp_path: Path) -> None:
    asked = {"services": {"submission": {"enabled": True}}}
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    done = checked("template", CHART, "rillmail", CHART / MINIMAL, tmp_path / "asked.json")
    assert (done.returncode, "services.submission" in done.stderr) == (1, True)


# --- what runs ----------------------------------------------------------------------


@pytest.mark.parametrize("file", SETS)
def test_each_role_is_a_deployment_that_runs_its_worker(file: str) -> None:
    found = {
        name.removeprefix("rillmail-"): containers(each)[0]["args"]
        for name, each in objects(file).of("Deployment").items()
    }
    expected = {role: ["worker", role] for role in ROLES}
    if file == PRODUCTION:  # a step of inbound is cut, so that scanning has machines of its own
        expected |= {
            "inbound": ["worker", "parse", "remember", "tally_senders"],
            "scan": ["worker", "scan"],
        }
    assert found == expected
    settings = load(environment(containers(objects(file).of("Deployment")["rillmail-smtp"])[0]))
    for args in found.values():
        check_roles(settings, args[1:])


def test_a_path_of_which_a_stage_runs_alone_is_run_as_a_whole() -> None:
    deployments = objects(PRODUCTION).of("Deployment").values()
    topology = build(cuts=values(PRODUCTION)["settings"]["cuts"])
    run = {
        group.name
        for each in deployments
        for role in containers(each)[0]["args"][1:]
        if role not in ("smtp", "api")
        for group in groups_of(topology, role)
    }
    assert run == {group.name for group in groups_of(topology, "all")}


@pytest.mark.parametrize("file", SETS)
def test_the_program_takes_the_settings_it_is_given(file: str) -> None:
    for _, template in objects(file).pods():
        [container] = template["spec"]["containers"]
        found = {k: v for k, v in environment(container).items() if k.startswith("RILLMAIL_")}
        if found:
            assert load(found).profile == "cluster"


def test_numbers_lists_and_switches_arrive_as_they_were_written() -> None:
    found = environment(containers(objects(PRODUCTION).of("Deployment")["rillmail-smtp"])[0])
    assert {
        "RILLMAIL_MAX_MESSAGE_BYTES": "52428800",
        "RILLMAIL_SPAM_THRESHOLD": "0.85",
        "RILLMAIL_TARPIT_S": "0.05",
        "RILLMAIL_DELAY_NOTICES": "false",
        "RILLMAIL_DNS_BLOCK_LISTS": "zen.example.net,bl.example.org",
        "RILLMAIL_PUBLIC_URL": "https://mail.example.com",
        "RILLMAIL_TLS_CERTIFICATE": "/etc/rillmail/tls/tls.crt",
        "RILLMAIL_REDIS_URL": "rillmail/redis-url",
    }.items() <= found.items()


def test_files_that_engines_are_known_by_are_mounted_where_the_settings_say() -> None:
    template = objects(PRODUCTION).of("Deployment")["rillmail-smtp"]["spec"]["template"]["spec"]
    [container] = template["containers"]
    found = environment(container)
    assert {
        "RILLMAIL_KAFKA_CA_FILE": "/etc/rillmail/engines/kafka/ca.crt",
        "RILLMAIL_CASSANDRA_CA_FILE": "/etc/rillmail/engines/cassandra/ca.crt",
        "RILLMAIL_CASSANDRA_CERTIFICATE": "/etc/rillmail/engines/cassandra/tls.crt",
        "RILLMAIL_CASSANDRA_KEY": "/etc/rillmail/engines/cassandra/tls.key",
    }.items() <= found.items()
    assert "RILLMAIL_KAFKA_KEY" not in found
    mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    secret = {each["name"]: each["secret"]["secretName"] for each in template["volumes"][-2:]}
    assert secret == {"engine-cassandra": "cassandra-ca", "engine-kafka": "kafka-ca"}
    assert all(mounted[name].startswith("/etc/rillmail/engines/") for name in secret)


@pytest.mark.parametrize("file", SETS)
def test_services_do_not_set_our_settings(file: str) -> None:
    # A Service rillmail-smtp would set RILLMAIL_SMTP_PORT=tcp://10.0.0.1:25 in every pod.
    assert all(
        template["spec"]["enableServiceLinks"] is False for _, template in objects(file).pods()
    )


@pytest.mark.parametrize("file", SETS)
def test_nothing_runs_as_root_or_writes_where_it_need_not(file: str) -> None:
    for component, template in objects(file).pods():
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            rights = container["securityContext"]
            assert rights["allowPrivilegeEscalation"] is False
            assert rights["capabilities"] == {"drop": ["ALL"]}
            assert rights.get("readOnlyRootFilesystem", False) is (component not in ENGINES)


@pytest.mark.parametrize("file", [MINIMAL, PRODUCTION])
def test_no_secret_is_made_and_none_is_a_value(file: str) -> None:
    assert objects(file).of("Secret") == {}
    for _, template in objects(file).pods():
        for container in template["spec"]["containers"]:
            for each in container.get("env", ()):
                is_secret = each["name"].endswith(
                    ("_SECRET", "_PASSWORD", "ACCESS_KEY", "SECRET_KEY")
                )
                assert is_secret <= ("valueFrom" in each)


@pytest.mark.parametrize("file", SETS)
def test_only_healthz_restarts_a_pod(file: str) -> None:
    for name, each in objects(file).of("Deployment").items():
        [container] = containers(each)
        probes = {
            kind: container[f"{kind}Probe"]["httpGet"]["path"]
            for kind in ("startup", "liveness", "readiness")
        }
        ways_in = ("rillmail-smtp", "rillmail-api")
        ready = "/healthz" if name in ways_in else "/readyz"
        assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": ready}
        ports = [port["name"] for port in container["ports"]]
        assert container["livenessProbe"]["httpGet"]["port"] in ports


def test_topics_and_tables_are_made_before_workers_of_a_release_start() -> None:
    [job] = objects(PRODUCTION).of("Job").values()
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert containers(job)[0]["args"] == ["prepare"]
    # Nothing else of the release is there yet.
    account = job["spec"]["template"]["spec"]["serviceAccountName"]
    before = objects(PRODUCTION).of("ServiceAccount")[account]["metadata"]["annotations"]
    assert before["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert "eks.amazonaws.com/role-arn" in before


def test_engines_that_come_with_the_release_are_waited_for() -> None:
    [job] = objects(TRIAL).of("Job").values()
    assert "annotations" not in job["metadata"]
    assert set(objects(TRIAL).of("StatefulSet")) == {f"rillmail-{engine}" for engine in ENGINES}
    for each in objects(TRIAL).of("Deployment").values():
        assert "initContainers" in each["spec"]["template"]["spec"]


def test_what_runs_by_the_clock_is_what_operators_are_told_to_run() -> None:
    found = {
        name: containers(each["spec"]["jobTemplate"])[0]["args"]
        for name, each in objects(MINIMAL).of("CronJob").items()
    }
    assert found == {
        "rillmail-audit": ["audit", "--hours", "26"],
        "rillmail-purge": ["user", "purge"],
        "rillmail-sweep": ["sweep"],
    }


# --- how it scales ------------------------------------------------------------------


def test_keda_looks_at_all_groups_of_a_role_and_makes_no_idle_workers() -> None:
    scaled = objects(PRODUCTION).of("ScaledObject")
    assert set(scaled) == set(objects(PRODUCTION).of("Deployment"))
    inbound = scaled["rillmail-inbound"]["spec"]
    assert (inbound["minReplicaCount"], inbound["maxReplicaCount"]) == (4, 64)  # as partitions
    read = [
        (each["metadata"]["consumerGroup"], each["metadata"]["topic"])
        for each in inbound["triggers"]
        if each["type"] == "kafka"
    ]
    assert read == [
        ("parse", "mail.received"),
        ("remember", "senders.judged"),
        ("tally_senders", "senders.judged"),
    ]
    assert scaled["rillmail-api"]["spec"]["maxReplicaCount"] == 60  # it reads none


def test_keda_asks_kafka_as_the_workers_do() -> None:
    [login] = objects(PRODUCTION).of("TriggerAuthentication").values()
    assert {each["name"] for each in login["spec"]["env"]} <= set(
        environment(containers(objects(PRODUCTION).of("Deployment")["rillmail-inbound"])[0])
    )
    assert login["spec"]["secretTargetRef"] == [
        {"parameter": "ca", "name": "kafka-ca", "key": "ca.crt"}
    ]
    for each in objects(PRODUCTION).of("ScaledObject").values():
        for trigger in each["spec"]["triggers"]:
            if trigger["type"] == "kafka":
                assert trigger["authenticationRef"] == {"name": login["metadata"]["name"]}
                told = trigger["metadata"]
                assert (told["tls"], told["sasl"]) == ("enable", "scram_sha512")
    assert objects(MINIMAL).of("TriggerAuthentication") == {}


def test_without_keda_cpu_scales_and_the_lag_if_it_is_served(tmp_path: Path) -> None:
    def metrics(each: dict[str, Any]) -> list[str]:
        return [metric["type"] for metric in each["spec"]["metrics"]]

    plain = objects(MINIMAL).of("HorizontalPodAutoscaler")
    assert metrics(plain["rillmail-mailbox"]) == ["Resource"]
    wanted = {"autoscaling": {"externalMetric": {"enabled": True}}}
    (tmp_path / "wanted.json").write_text(json.dumps(wanted))
    served = Objects(rendered(MINIMAL, tmp_path / "wanted.json")).of("HorizontalPodAutoscaler")
    read = values()["roles"]["mailbox"]["autoscaling"]["reads"]
    assert metrics(served["rillmail-mailbox"]) == ["Resource", *["External"] * len(read)]
    assert metrics(served["rillmail-smtp"]) == ["Resource"]


def test_an_upgrade_does_not_undo_what_the_autoscaler_did() -> None:
    assert "replicas" not in objects(MINIMAL).of("Deployment")["rillmail-smtp"]["spec"]
    assert objects(TRIAL).of("Deployment")["rillmail-smtp"]["spec"]["replicas"] == 2


@pytest.mark.parametrize("file", SETS)
def test_upkeep_of_nodes_takes_few_pods_of_a_role_at_once(file: str) -> None:
    budgets = objects(file).of("PodDisruptionBudget")
    assert set(budgets) == set(objects(file).of("Deployment"))
    assert all(e["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" for e in budgets.values())


# --- who reaches whom ---------------------------------------------------------------


def test_the_address_of_a_client_stays() -> None:
    service = objects(PRODUCTION).of("Service")["rillmail-mx"]["spec"]
    assert (service["type"], service["externalTrafficPolicy"]) == ("LoadBalancer", "Local")
    assert [(port["port"], port["targetPort"]) for port in service["ports"]] == [
        (25, "smtp"),
        (465, "smtps"),
    ]


def test_a_websocket_stays_open_and_figures_are_not_for_the_world() -> None:
    ingress = objects(PRODUCTION).of("Ingress")["rillmail"]
    notes = ingress["metadata"]["annotations"]
    assert notes["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "3600"
    [rule] = ingress["spec"]["rules"]
    served = {p["path"]: p["backend"]["service"]["name"] for p in rule["http"]["paths"]}
    assert served == {
        "/": "rillmail-api",
        "/metrics": "rillmail-nobody",
        "/readyz": "rillmail-nobody",
    }
    assert "selector" not in objects(PRODUCTION).of("Service")["rillmail-nobody"]["spec"]


@pytest.mark.parametrize("file", SETS)
def test_each_pod_of_ours_has_a_policy_of_its_own(file: str) -> None:
    policies = objects(file).of("NetworkPolicy").values()
    told = {
        each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for each in policies
    }
    assert told == {component for component, _ in objects(file).pods()}


def test_only_deliveries_go_out_into_the_world() -> None:
    policies = objects(PRODUCTION).of("NetworkPolicy")
    out = {
        name.removeprefix("rillmail-")
        for name, each in policies.items()
        if any(port["port"] == 25 for rule in each["spec"]["egress"] for port in rule["ports"])
    }
    assert out == {"outbound"}
    [world] = [r for r in policies["rillmail-feedback"]["spec"]["egress"] if world_is_in(r)]
    assert [port["port"] for port in world["ports"]] == [443]  # webhooks


def world_is_in(rule: dict[str, Any]) -> bool:
    return any(to.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" for to in rule.get("to", ()))


def test_a_role_reaches_the_engines_it_needs_where_the_settings_say() -> None:
    policy = objects(PRODUCTION).of("NetworkPolicy")["rillmail-inbound"]["spec"]
    ports = [[port["port"] for port in rule["ports"]] for rule in policy["egress"]]
    assert ports == [[53, 53], [9093, 9094], [9042], [443], [6379], [3310], [4318]]


def test_whatever_is_told_of_the_release_is_in_its_notes() -> None:
    text = rendered(MINIMAL)
    assert "tls.existingSecret is not set" in text
    assert "hostname is not set" not in text
    assert "is not set" not in rendered(PRODUCTION)


def test_two_releases_do_not_meet() -> None:
    names = {
        release: {
            (each["kind"], each["metadata"]["name"])
            for each in Objects(rendered(TRIAL, release=release)).all
        }
        for release in ("one", "two")
    }
    assert names["one"] & names["two"] == set()


@pytest.mark.parametrize("file", [MINIMAL, PRODUCTION])
def test_an_upgrade_to_the_same_changes_nothing(file: str) -> None:
    assert rendered(file) == rendered(file)


def test_values_that_are_shown_are_all_used() -> None:
    used = "\n".join(
        path.read_text() for path in CHART.rglob("*") if path.suffix in (".yaml", ".tpl", ".txt")
    )
    for name in values():
        assert f".Values.{name}" in used, name


def containers(holder: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = holder["spec"]["template"]["spec"]["containers"]
    return found
