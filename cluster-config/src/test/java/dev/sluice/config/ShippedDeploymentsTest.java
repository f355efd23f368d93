package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.sluice.protocol.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every file in {@code cluster-config/deployments} can be started with, once its places are filled in. */
class ShippedDeploymentsTest {
    private static final Path DEPLOYMENTS = Path.of(System.getProperty("sluice.home"), "cluster-config", "deployments");
    private static final String SUFFIX = ".conf";

    @TempDir
    Path folder;

    @Test
    void everyFileIsBundledUnderItsName() throws IOException {
        try (Stream<Path> files = Files.list(DEPLOYMENTS)) {
            assertThat(files.map(file -> file.getFileName().toString())
                            .filter(name -> name.endsWith(SUFFIX))
                            .map(name -> name.substring(0, name.length() - SUFFIX.length())))
                    .containsExactlyInAnyOrderElementsOf(DeploymentSettings.deployments());
        }
    }

    private DeploymentSettings load(Path file, String... overrides) {
        return DeploymentSettings.load(file.toString(), List.of(overrides), folder);
    }

    @Test
    void oneProcessIsAClusterOfOneThatNobodyElseReaches() {
        DeploymentSettings settings = load(DEPLOYMENTS.resolve("one-process.conf"));

        assertThat(settings.node().isWholeCluster()).isTrue();
        assertThat(Exposure.isLoopback(settings.node().host())).isTrue();
        assertThat(Exposure.isLoopback(settings.serving().host())).isTrue();
    }

    @Test
    void localProcessesMeetAtTheOneThatControls() {
        Path file = DEPLOYMENTS.resolve("local-processes.conf");
        DeploymentSettings control = load(file, "node.roles=[control]", "node.port=25520");
        DeploymentSettings other = load(file);

        assertThat(other.node().seeds())
                .as("the one that controls, which finds the others by theirs when it is back")
                .startsWith(control.node().host() + ":" + control.node().port())
                .hasSizeGreaterThan(1);
        assertThat(other.node().roles()).doesNotContain(Role.CONTROL).hasSize(Role.values().length - 1);
        assertThat(other.cluster()).isEqualTo(control.cluster());
    }

    @Test
    void severalMachinesHaveTlsAndShareNoFolder() throws Exception {
        Path file = Files.copy(DEPLOYMENTS.resolve("several-machines.conf"), folder.resolve("several-machines.conf"));
        Certificates.make(folder.resolve("certificates"), "gpu-1.example", "gpu-2.example");

        DeploymentSettings trainer = load(file);
        DeploymentSettings control = load(file, "node.roles=[control]", "node.host=gpu-1.example");

        assertThat(trainer.node().tls().enabled()).isTrue();
        assertThat(trainer.node().sharedStore()).isFalse();
        assertThat(trainer.node().seeds())
                .containsExactly(
                        control.node().host() + ":" + control.node().port(),
                        trainer.node().host() + ":" + trainer.node().port());
        assertThat(trainer.supervision().rolesWithin())
                .as("a machine may be started again meanwhile")
                .isGreaterThanOrEqualTo(Duration.ofMinutes(10));
        assertThat(control.node().tls().certificate())
                .contains(folder.toRealPath().resolve("certificates/gpu-1.example.crt"));
        assertThat(control.cluster().profile()).isEqualTo(ClusterSettings.Profile.REAL_CLUSTER);
        assertThat(Refusals.of(() -> load(file, "node.host=gpu-3.example")))
                .as("a machine without certificates")
                .hasSize(2)
                .allMatch(problem -> problem.contains("gpu-3.example") && problem.contains("must be a file"));
    }

    /** What the manifests say, by kind and name. */
    private static Map<String, JsonNode> manifests() throws IOException {
        Map<String, JsonNode> all = new HashMap<>();
        try (MappingIterator<JsonNode> documents = new YAMLMapper()
                .readerFor(JsonNode.class)
                .readValues(DEPLOYMENTS.resolve("kubernetes/sluice.yaml").toFile())) {
            while (documents.hasNext()) {
                JsonNode one = documents.next();
                all.put(
                        one.at("/kind").asText() + " "
                                + one.at("/metadata/name").asText(),
                        one);
            }
        }
        return all;
    }

    private static List<JsonNode> nodes(Map<String, JsonNode> manifests) {
        return manifests.entrySet().stream()
                .filter(manifest -> manifest.getKey().startsWith("StatefulSet "))
                .map(Map.Entry::getValue)
                .toList();
    }

    private static JsonNode container(JsonNode set) {
        assertThat(set.at("/spec/template/spec/containers")).hasSize(1);
        return set.at("/spec/template/spec/containers/0");
    }

    private static List<JsonNode> list(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).toList();
    }

    private static Map<String, Integer> ports(JsonNode set) {
        return list(container(set).at("/ports")).stream()
                .collect(Collectors.toMap(port -> port.at("/name").asText(), port -> port.at("/containerPort")
                        .asInt()));
    }

    /** As the first pod of a set starts, with its certificates where the test has them. */
    private DeploymentSettings started(Map<String, JsonNode> manifests, JsonNode set) throws Exception {
        String pod = set.at("/metadata/name").asText() + "-0";
        List<String> arguments = list(container(set).at("/args")).stream()
                .map(argument -> argument.asText().replace("$(POD_NAME)", pod))
                .toList();
        assertThat(arguments).hasSize(7).startsWith("node", "--config").contains("--roles", "--host");
        String domain = arguments.get(6).substring(pod.length() + 1);
        Path certificates = folder.resolve("certificates");
        if (Files.notExists(certificates)) {
            Certificates.make(certificates, "*." + domain);
        }
        String mount = "/etc/sluice-certificates/node";
        String conf = manifests.get("ConfigMap sluice").at("/data/sluice.conf").asText();
        assertThat(conf).contains(mount + ".crt", mount + ".key", "/etc/sluice-certificates/ca.crt");
        Path file = Files.writeString(
                folder.resolve("sluice.conf"),
                conf.replace(mount, certificates + "/any." + domain)
                        .replace("/etc/sluice-certificates", certificates.toString()));
        List<String> overrides =
                new ArrayList<>(List.of("node.roles=[" + arguments.get(4) + "]", "node.host=" + arguments.get(6)));
        if (list(container(set).at("/env")).stream()
                .anyMatch(variable -> variable.at("/name").asText().equals("SLUICE_TOKEN"))) {
            overrides.add("serving.token=0123456789abcdef");
        }
        return load(file, overrides.toArray(String[]::new));
    }

    @Test
    void kubernetesPodsStartAndMeetByTheirStableNames() throws Exception {
        Map<String, JsonNode> manifests = manifests();
        Set<Role> offered = new TreeSet<>();
        List<String> seeds = List.of();
        for (JsonNode set : nodes(manifests)) {
            DeploymentSettings settings = started(manifests, set);
            offered.addAll(settings.node().roles());
            seeds = settings.node().seeds();
            String service = set.at("/spec/serviceName").asText();
            JsonNode headless = manifests.get("Service " + service);
            assertThat(settings.node().host())
                    .isEqualTo(set.at("/metadata/name").asText() + "-0." + service + "."
                            + headless.at("/metadata/namespace").asText() + ".svc");
            assertThat(headless.at("/spec/clusterIP").asText()).isEqualTo("None");
            assertThat(headless.at("/spec/publishNotReadyAddresses").asBoolean())
                    .isTrue();
            assertThat(settings.node().tls().enabled()).isTrue();
            assertThat(settings.cluster().profile()).isEqualTo(ClusterSettings.Profile.REAL_CLUSTER);
        }
        assertThat(offered).containsExactly(Role.values());
        JsonNode control = manifests.get("StatefulSet sluice-control");
        assertThat(control.at("/spec/replicas").asInt()).isIn(1, 3);
        DeploymentSettings first = started(manifests, control);
        assertThat(seeds).startsWith(first.node().host() + ":" + first.node().port());
        for (int pod = 0; pod < 3; pod++) {
            assertThat(seeds.get(pod)).startsWith("sluice-control-" + pod + ".");
        }
        for (JsonNode set : nodes(manifests)) {
            DeploymentSettings settings = started(manifests, set);
            assertThat(seeds)
                    .as("a single control node finds the others when it is back")
                    .contains(settings.node().host() + ":" + settings.node().port());
        }
    }

    @Test
    void kubernetesPortsProbesAndSelectorsAgreeWithTheConfiguration() throws Exception {
        Map<String, JsonNode> manifests = manifests();
        assertThat(nodes(manifests)).hasSize(4);
        for (JsonNode set : nodes(manifests)) {
            DeploymentSettings settings = started(manifests, set);
            Map<String, Integer> ports = ports(set);
            assertThat(ports)
                    .containsEntry("cluster", settings.node().port())
                    .containsEntry("health", settings.node().healthPort().orElseThrow());
            assertThat(settings.node().healthHost()).isEqualTo("0.0.0.0");
            JsonNode container = container(set);
            for (Map.Entry<String, String> probe : Map.of(
                            "startupProbe", "/live", "livenessProbe", "/live", "readinessProbe", "/ready")
                    .entrySet()) {
                JsonNode get = container.at("/" + probe.getKey() + "/httpGet");
                assertThat(get.at("/path").asText()).isEqualTo(probe.getValue());
                assertThat(get.at("/port").asText()).isEqualTo("health");
            }
            JsonNode labels = set.at("/spec/template/metadata/labels");
            assertThat(set.at("/spec/selector/matchLabels")).isEqualTo(labels);
            assertThat(labels.at("/app"))
                    .isEqualTo(manifests.get("Service sluice-nodes").at("/spec/selector/app"));
            assertThat(set.at("/metadata/namespace"))
                    .isEqualTo(manifests.get("ConfigMap sluice").at("/metadata/namespace"));
        }
        JsonNode service = manifests.get("Service sluice");
        JsonNode control = manifests.get("StatefulSet sluice-control");
        assertThat(service.at("/spec/selector")).isEqualTo(control.at("/spec/template/metadata/labels"));
        assertThat(ports(control))
                .containsEntry("http", started(manifests, control).serving().port())
                .containsKey(service.at("/spec/ports/0/targetPort").asText());
        assertThat(manifests
                        .get("Service sluice-nodes")
                        .at("/spec/ports/0/port")
                        .asInt())
                .isEqualTo(ports(control).get("cluster"));
    }

    @Test
    void kubernetesStartsWhatTheImageHas() throws Exception {
        String image = Files.readString(DEPLOYMENTS.resolve("kubernetes/Dockerfile"));
        for (JsonNode set : nodes(manifests())) {
            assertThat(container(set).at("/command/0").asText()).isEqualTo("/opt/sluice/sluice");
            int threads = started(manifests(), set).engine().threads();
            assertThat(container(set).at("/resources/limits/cpu").asInt())
                    .as("one more than it computes with, for heartbeats")
                    .isGreaterThan(threads);
        }
        assertThat(image).contains("COPY . /opt/sluice", "ENTRYPOINT [\"/opt/sluice/sluice\"]");
        assertThat(Files.readString(Path.of(System.getProperty("sluice.home"), ".dockerignore")))
                .as("an authority's key is in no image")
                .contains("certificates/");
    }

    @Test
    void kubernetesGivesEveryPodItsFilesAndTheTimeToLeave() throws Exception {
        Map<String, JsonNode> manifests = manifests();
        for (JsonNode set : nodes(manifests)) {
            DeploymentSettings settings = started(manifests, set);
            JsonNode pod = set.at("/spec/template/spec");
            Map<String, String> mounts = list(container(set).at("/volumeMounts")).stream()
                    .collect(Collectors.toMap(mount -> mount.at("/name").asText(), mount -> mount.at("/mountPath")
                            .asText()));
            assertThat(list(pod.at("/volumes")).stream()
                            .map(volume -> volume.at("/name").asText()))
                    .containsExactlyInAnyOrderElementsOf(mounts.keySet());
            assertThat(mounts)
                    .containsEntry("runs", settings.node().runs().toString())
                    .containsEntry("certificates", "/etc/sluice-certificates")
                    .containsEntry("configuration", "/etc/sluice");
            assertThat(container(set).at("/args/2").asText()).isEqualTo("/etc/sluice/sluice.conf");
            assertThat(manifests)
                    .containsKey("PersistentVolumeClaim "
                            + list(pod.at("/volumes")).stream()
                                    .map(volume -> volume.at("/persistentVolumeClaim/claimName")
                                            .asText())
                                    .filter(name -> !name.isEmpty())
                                    .findFirst()
                                    .orElseThrow());
            Duration leaving = Duration.ZERO;
            for (String phase : List.of("before-service-unbind", "service-stop", "cluster-exiting")) {
                leaving = leaving.plus(PekkoConfig.forNode(settings.node(), settings.cluster())
                        .getDuration("pekko.coordinated-shutdown.phases." + phase + ".timeout"));
            }
            assertThat(Duration.ofSeconds(
                            pod.at("/terminationGracePeriodSeconds").asLong()))
                    .isGreaterThan(leaving);
        }
    }
}
