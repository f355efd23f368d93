package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is wrong with certificates is said before the node starts. */
class TlsFilesTest {
    @TempDir
    static Path folder;

    private static Certificates ours;
    private static Certificates theirs;

    @BeforeAll
    static void make() throws Exception {
        ours = Certificates.make(folder.resolve("ours"), "10.0.0.2", "node-1", "*.sluice", "fe80::1");
        theirs = Certificates.make(folder.resolve("theirs"), "10.0.0.2");
    }

    private static DeploymentSettings load(String host, Certificates by, String file, String... overrides) {
        List<String> all = new ArrayList<>(by.overrides(file));
        all.add("node.host=" + host);
        all.addAll(Arrays.asList(overrides));
        return DeploymentSettings.load("one-process", all, folder);
    }

    private static List<String> refusals(String host, String file, String... overrides) {
        return Refusals.of(() -> load(host, ours, file, overrides));
    }

    @Test
    void aNodeWithTlsMayBeReached() {
        assertThat(load("10.0.0.2", ours, "10.0.0.2").node().tls().enabled()).isTrue();
        assertThat(load("node-1", ours, "node-1", "node.bind-host=0.0.0.0")
                        .node()
                        .bindHost())
                .contains("0.0.0.0");
        assertThat(load("NODE-1", ours, "node-1").node().host()).isEqualTo("NODE-1");
        assertThat(load("trainers-0.sluice", ours, "any.sluice").node().host()).isEqualTo("trainers-0.sluice");
        assertThat(load("\"[fe80:0::1]\"", ours, "fe80::1").node().host()).isEqualTo("[fe80:0::1]");
    }

    @Test
    void goesToPekko() {
        DeploymentSettings settings = load("10.0.0.2", ours, "10.0.0.2", "node.bind-host=0.0.0.0", "node.port=25520");
        Config config = PekkoConfig.forNode(settings.node(), settings.cluster());
        Config artery = config.getConfig("pekko.remote.artery");

        assertThat(artery.getString("transport")).isEqualTo("tls-tcp");
        assertThat(artery.getString("ssl.ssl-engine-provider"))
                .isEqualTo(dev.sluice.config.tls.HostCheckingEngines.class.getName());
        assertThat(artery.getString("ssl.rotating-keys-engine.cert-file"))
                .isEqualTo(ours.certificate("10.0.0.2").toString());
        assertThat(artery.getString("ssl.rotating-keys-engine.key-file"))
                .isEqualTo(ours.key("10.0.0.2").toString());
        assertThat(artery.getString("ssl.rotating-keys-engine.ca-cert-file"))
                .isEqualTo(ours.ca().toString());
        assertThat(artery.getString("canonical.hostname")).isEqualTo("10.0.0.2");
        assertThat(artery.getString("bind.hostname")).isEqualTo("0.0.0.0");
        assertThat(config.getBoolean("pekko.actor.allow-java-serialization")).isFalse();
    }

    @Test
    void aCertificateOfAnotherHost() {
        assertThat(refusals("10.0.0.3", "10.0.0.2"))
                .containsExactly("node.tls.certificate = " + ours.certificate("10.0.0.2")
                        + " must name node.host = 10.0.0.3 among its alternative names: the other nodes check that they"
                        + " reached whom they called (--set)");
        assertThat(refusals("sluice", "any.sluice")).hasSize(1);
        assertThat(refusals("a.b.sluice", "any.sluice")).hasSize(1);
        assertThat(refusals("node-2", "node-1")).hasSize(1);
    }

    @Test
    void anotherAuthority() {
        assertThat(refusals("10.0.0.2", "10.0.0.2", "node.tls.ca=" + theirs.ca()))
                .containsExactly("node.tls.certificate = " + ours.certificate("10.0.0.2")
                        + " must be signed by node.tls.ca = " + theirs.ca() + " itself (--set)");
    }

    @Test
    void theKeyOfAnotherCertificate() {
        assertThat(refusals("10.0.0.2", "10.0.0.2", "node.tls.key=" + ours.key("node-1")))
                .containsExactly("node.tls.key = " + ours.key("node-1") + " must be the key of node.tls.certificate = "
                        + ours.certificate("10.0.0.2") + " (--set)");
    }

    /** openssl makes none that are over; keytool does. */
    @Test
    void aCertificateThatIsOver() throws Exception {
        Path old = folder.resolve("old.crt");
        keytool("-genkeypair", "-keyalg", "RSA", "-dname", "CN=sluice", "-startdate", "-10d", "-validity", "1");
        keytool("-exportcert", "-rfc", "-file", old.toString());

        assertThat(refusals("10.0.0.2", "10.0.0.2", "node.tls.certificate=" + old))
                .first()
                .asString()
                .startsWith("node.tls.certificate = " + old + " must be valid today: it is from ");
    }

    private static void keytool(String... what) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
        command.addAll(Arrays.asList(what));
        command.addAll(List.of("-alias", "old", "-storepass", "changeit", "-keystore"));
        command.add(folder.resolve("old.p12").toString());
        Certificates.Ended ended = Certificates.ended(command);
        assertThat(ended.code()).as(ended.said()).isZero();
    }

    @Test
    void filesThatAreNotThereOrSomethingElse() throws Exception {
        Path none = folder.resolve("none.pem");
        Path encrypted = Files.writeString(
                folder.resolve("encrypted.key"),
                Files.readString(ours.key("10.0.0.2")).replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
        Path torn = Files.writeString(
                folder.resolve("torn.crt"),
                Files.readString(ours.certificate("10.0.0.2")).substring(0, 600));

        assertThat(refusals(
                        "10.0.0.2",
                        "10.0.0.2",
                        "node.tls.ca=" + none,
                        "node.tls.key=" + encrypted,
                        "node.tls.certificate=" + torn))
                .containsExactly(
                        "node.tls.certificate = " + torn + " must be a PEM file with a certificate (X.509) (--set)",
                        "node.tls.ca = " + none
                                + " must be a file that can be read (cluster-config/certificates.sh makes"
                                + " some) (--set)",
                        "node.tls.key = " + encrypted + " must be a PEM file with a private key (RSA, PKCS#8, not"
                                + " encrypted: -----BEGIN PRIVATE KEY-----) (--set)");
    }
}
