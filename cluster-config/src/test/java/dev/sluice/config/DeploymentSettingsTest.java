package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node is started with that knows of no experiment. */
class DeploymentSettingsTest {
    @TempDir
    Path home;

    private DeploymentSettings load(String nameOrFile, String... overrides) {
        return DeploymentSettings.load(nameOrFile, List.of(overrides), home);
    }

    private Path file(String text) throws IOException {
        return Files.writeString(home.resolve("node.conf"), text);
    }

    @Test
    void aFileOverTheDefaults() throws IOException {
        DeploymentSettings settings = load(file("""
                node { name = left, roles = [teacher], seeds = ["127.0.0.1:25520"], runs = kept, shared-store = false }
                engine { threads = 3, devices = [cpu, "gpu:1"] }
                cluster.profile = real-cluster
                """).toString(), "node.health-port=8081");

        assertThat(settings.node().roles()).containsExactly(Role.TEACHER);
        assertThat(settings.node().name()).contains("left");
        assertThat(settings.node().host()).isEqualTo("127.0.0.1");
        assertThat(settings.node().bindHost()).isEmpty();
        assertThat(settings.node().bindPort()).isEmpty();
        assertThat(settings.node().runs()).isEqualTo(home.resolve("kept"));
        assertThat(settings.node().sharedStore()).isFalse();
        assertThat(settings.node().healthPort()).contains(8081);
        assertThat(settings.node().healthHost()).isEqualTo("127.0.0.1");
        assertThat(settings.node().tls()).isEqualTo(TlsSettings.OFF);
        assertThat(settings.engine()).isEqualTo(new EngineSettings(3, List.of("cpu", "gpu:1")));
        assertThat(settings.engine().device()).isEqualTo("cpu");
        assertThat(settings.cluster().profile()).isEqualTo(ClusterSettings.Profile.REAL_CLUSTER);
        assertThat(settings.supervision().restarts()).isEqualTo(5);
    }

    @Test
    void runsAreKeptWhereSluiceIsInstalledUnlessSaidOtherwise() {
        assertThat(load("one-process").node().runs()).isEqualTo(home.resolve("runs"));
        assertThat(load("one-process", "node.runs=/data/runs").node().runs()).isEqualTo(Path.of("/data/runs"));
    }

    @Test
    void isThePartOfAnExperimentsSettingsThatIsTheNodes() throws IOException {
        Files.createDirectories(home.resolve("teachers"));
        Files.createFile(home.resolve("teachers/fashion.pt"));

        assertThat(Settings.load("fashion", List.of(), home).deployment()).isEqualTo(load("one-process"));
    }

    @Test
    void whatBelongsToAnExperimentIsRefused() throws IOException {
        Path file = file("""
                node.port = many
                experiment {
                  name = mine
                }
                """);

        assertThat(Refusals.of(() -> load(file.toString(), "checkpoint.keep=3", "node.cach=1")))
                .containsExactly(
                        "experiment belongs to an experiment, not to a node: leave it out here, and write it into what is"
                                + " submitted (node.conf, line 2)",
                        "checkpoint belongs to an experiment, not to a node: leave it out here, and write it into what is"
                                + " submitted",
                        "unknown key node.cach; did you mean node.cache? (--set)",
                        "node.port = \"many\" must be a whole number (node.conf, line 1)");
    }

    @Test
    void anUnknownDeploymentListsTheKnownOnes() {
        assertThat(Refusals.of(() -> load("one-proces")))
                .containsExactly("there is no deployment one-proces; did you mean one-process? Known are "
                        + String.join(", ", DeploymentSettings.deployments()) + ", and any file that ends in .conf");
    }

    @Test
    void timeOutsMustFitTheNodes() {
        assertThat(Refusals.of(() -> load(
                        "local-processes",
                        "supervision.roles-within=19s",
                        "supervision.place-within=1s",
                        "supervision.back-off-max=1s")))
                .containsExactly(
                        "supervision.roles-within = 19s must be longer than 20s, which the cluster takes to tell"
                                + " a dead node from a slow one (cluster.profile = loaded-machine) (--set)");
    }
}
