package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code certificates.sh}. */
class CertificatesTest {
    @TempDir
    Path folder;

    private static TreeMap<String, String> contents(Path folder) throws Exception {
        TreeMap<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                contents.put(file.getFileName().toString(), Files.readString(file));
            }
        }
        return contents;
    }

    private static String subjectAlternativeNames(Path certificate) throws Exception {
        return Certificates.ended(
                        List.of("openssl", "x509", "-in", certificate.toString(), "-noout", "-ext", "subjectAltName"))
                .said();
    }

    @Test
    void oneForEachHostThatNobodyElseCanRead() throws Exception {
        Certificates made = Certificates.make(folder.resolve("tls"), "node-1.example", "10.0.0.2", "*.sluice");

        assertThat(contents(made.folder()).keySet())
                .containsExactly(
                        "10.0.0.2.crt",
                        "10.0.0.2.key",
                        "any.sluice.crt",
                        "any.sluice.key",
                        "ca.crt",
                        "ca.key",
                        "node-1.example.crt",
                        "node-1.example.key");
        for (String name : List.of("ca", "10.0.0.2", "any.sluice", "node-1.example")) {
            Path key = made.key(name);
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(key)))
                    .as(name)
                    .isEqualTo("rw-------");
            assertThat(Files.readString(key)).startsWith("-----BEGIN PRIVATE KEY-----\n");
        }
        assertThat(subjectAlternativeNames(made.certificate("10.0.0.2"))).contains("IP Address:10.0.0.2");
        assertThat(subjectAlternativeNames(made.certificate("any.sluice"))).contains("DNS:*.sluice");
        assertThat(subjectAlternativeNames(made.certificate("node-1.example")))
                .contains("DNS:node-1.example")
                .doesNotContain("10.0.0.2");
    }

    @Test
    void anAuthorityThatIsThereSignsMore() throws Exception {
        Certificates made = Certificates.make(folder, "one");
        String authority = Files.readString(made.ca());

        Certificates.make(folder, "two");

        assertThat(Files.readString(made.ca())).isEqualTo(authority);
        assertThat(Certificates.ended(List.of(
                                "openssl",
                                "verify",
                                "-CAfile",
                                made.ca().toString(),
                                made.certificate("two").toString()))
                        .code())
                .isZero();
    }

    @Test
    void nothingIsOverwritten() throws Exception {
        Certificates.make(folder, "one");
        TreeMap<String, String> before = contents(folder);

        Certificates.Ended again = Certificates.run(folder.toString(), "two", "one");

        assertThat(again.code()).isEqualTo(1);
        assertThat(again.said()).contains("one.crt is there already; move it away, or name another folder");
        assertThat(contents(folder)).isEqualTo(before);
    }

    @Test
    void anAuthorityWithoutItsKeyIsNotReplaced() throws Exception {
        Certificates made = Certificates.make(folder, "one");
        Files.delete(made.key("ca"));
        TreeMap<String, String> before = contents(folder);

        Certificates.Ended again = Certificates.run(folder.toString(), "two");

        assertThat(again.code()).isEqualTo(1);
        assertThat(again.said()).contains("ca.crt is there without ca.key, which signs; put it there");
        assertThat(contents(folder)).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"../up", "a/b", "", "-x", "a b", "a,DNS:b", "ca"})
    void whatIsNoHostIsRefused(String host) throws Exception {
        Certificates.Ended ended = Certificates.run(folder.resolve("tls").toString(), host);

        assertThat(ended.code()).isEqualTo(1);
        assertThat(ended.said()).containsAnyOf("is no host name or address", "cannot be called ca");
        assertThat(folder.resolve("tls")).doesNotExist();
    }

    @Test
    void says() throws Exception {
        assertThat(Certificates.run("--help"))
                .returns(0, Certificates.Ended::code)
                .extracting(Certificates.Ended::said)
                .asString()
                .startsWith("usage: certificates.sh DIR HOST...");
        assertThat(Certificates.run(folder.toString()).code()).isEqualTo(2);
    }
}
