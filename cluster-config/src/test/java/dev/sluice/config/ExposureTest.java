package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may reach a node: nobody from outside, unless the owner has said how. */
class ExposureTest {
    private static final String TOKEN = "serving.token=0123456789abcdef";
    private static final String ACCEPTED = "node.insecure-network=whoever reaches this port controls this node";

    @TempDir
    Path home;

    @BeforeEach
    void teacher() throws IOException {
        Files.createDirectories(home.resolve("teachers"));
        Files.createFile(home.resolve("teachers/fashion.pt"));
    }

    private DeploymentSettings load(String... overrides) {
        return DeploymentSettings.load("one-process", List.of(overrides), home);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "127.8.9.10", "localhost", "LOCALHOST", "::1", "\"[::1]\""})
    void loopbackNeedsNothing(String host) {
        assertThat(load("node.host=" + host, "serving.host=" + host)
                        .node()
                        .tls()
                        .enabled())
                .isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "10.0.0.2",
                "128.0.0.1",
                "127.0.0.1.example.org",
                "127.0.0",
                "localhost.example.org",
                "notlocalhost",
                "node-1",
                "::2",
                "fe80::1"
            })
    void anythingElseNeedsTls(String host) {
        assertThat(Refusals.of(() -> load("node.host=" + host)))
                .containsExactly("node.host = " + host + " must be loopback, such as 127.0.0.1, without TLS: whoever"
                        + " reaches the port controls the node. Set node.tls (cluster-config/certificates.sh makes the"
                        + " files), or, where nobody else is in the network, node.insecure-network = \"whoever reaches"
                        + " this port controls this node\" (--set)");
        assertThat(load("node.host=" + host, ACCEPTED).node().host()).isEqualTo(host);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.0.0.0", "10.0.0.2", "::"})
    void whereItListensCountsToo(String host) {
        assertThat(Refusals.of(() -> load("node.bind-host=" + host)))
                .singleElement()
                .asString()
                .startsWith("node.bind-host = " + host + " must be loopback");
        assertThat(load("node.bind-host=" + host, ACCEPTED).node().bindHost()).contains(host);
    }

    @ParameterizedTest
    @ValueSource(strings = {"yes", "true", "", "whoever reaches this port controls this node."})
    void onlyTheWordsThemselvesWillDo(String words) {
        assertThat(Refusals.of(() -> load("node.host=10.0.0.2", "node.insecure-network=" + words)))
                .containsExactly("node.insecure-network = \"" + words + "\" must be null, or say \"whoever reaches this"
                        + " port controls this node\" word for word (--set)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.0.0.0", "10.0.0.2", "node-1"})
    void httpBeyondLoopbackNeedsAToken(String host) {
        assertThat(Refusals.of(() -> load("serving.host=" + host, ACCEPTED)))
                .containsExactly("serving.host = " + host + " must be loopback, such as 127.0.0.1, without a"
                        + " serving.token: whoever reaches the port may start and cancel experiments. Make one with:"
                        + " openssl rand -hex 32 (--set)");
        assertThat(load("serving.host=" + host, TOKEN).serving().token()).contains("0123456789abcdef");
    }

    @Test
    void aNodeThatOpensNoHttpNeedsNoToken() {
        assertThat(load("serving.host=0.0.0.0", "node.roles=[critic]", "node.seeds=[\"127.0.0.1:1\"]")
                        .serving()
                        .token())
                .isEmpty();
    }

    @Test
    void aRunIsRefusedAsANodeIs() {
        assertThat(Refusals.of(() -> Settings.load("fashion", List.of("node.host=10.0.0.2"), home)))
                .singleElement()
                .asString()
                .startsWith("node.host = 10.0.0.2 must be loopback")
                .endsWith("(--set)");
    }

    /** Its token is kept nowhere. It is looked at where it is, and goes on when the token is given again. */
    @Test
    void aRecordedRunIsReadAndNotStarted() throws IOException {
        Settings settings = Settings.load("fashion", List.of("serving.host=0.0.0.0", TOKEN), home);
        assertThat(settings.render()).doesNotContain("0123456789abcdef");
        assertThat(settings.identity().values()).noneMatch(value -> value.contains("0123456789abcdef"));
        Path file = Files.writeString(home.resolve("config.conf"), settings.render());

        Settings read = Settings.read(file);

        assertThat(read.identity()).isEqualTo(settings.identity());
        assertThat(read.serving().token()).isEmpty();
        assertThat(Refusals.of(read::deployment)).singleElement().asString().startsWith("serving.host = 0.0.0.0");
        assertThat(Refusals.of(() -> Settings.readOver(file, List.of())))
                .singleElement()
                .asString()
                .startsWith("serving.host = 0.0.0.0")
                .endsWith("(config.conf, line " + line(file, "host=\"0.0.0.0\"") + ")");
        assertThat(Settings.readOver(file, List.of(TOKEN))).isEqualTo(settings);
    }

    private static int line(Path file, String text) throws IOException {
        return Files.readAllLines(file).stream().map(String::trim).toList().indexOf(text) + 1;
    }

    @Test
    void everythingElseIsToldBesideIt() {
        List<String> all = new ArrayList<>(Arrays.asList("node.tls.enabled=true", "serving.port=-1"));

        assertThat(Refusals.of(() -> load(all.toArray(String[]::new))))
                .containsExactly(
                        "serving.port = -1 must be between 0 and 65535 (--set)",
                        "node.tls.certificate = null must be a PEM file: node.tls.enabled = true",
                        "node.tls.ca = null must be a PEM file: node.tls.enabled = true",
                        "node.tls.key = null must be a PEM file: node.tls.enabled = true");
    }
}
