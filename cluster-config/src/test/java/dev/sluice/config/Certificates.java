package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The script that users make their certificates with, and what it makes in a folder. */
public record Certificates(Path folder) {
    private static final Path SCRIPT = Path.of(System.getProperty("sluice.home"), "cluster-config", "certificates.sh");

    /** How a run of it ended, and everything that it said. */
    record Ended(int code, String said) {}

    /** An authority, and a certificate for each host. Skips the test where there is no openssl. */
    public static Certificates make(Path folder, String... hosts) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(folder.toString()));
        arguments.addAll(Arrays.asList(hosts));
        Ended ended = run(arguments.toArray(String[]::new));
        assertThat(ended.code()).as(ended.said()).isZero();
        return new Certificates(folder);
    }

    static Ended run(String... arguments) throws Exception {
        assumeOpenssl();
        List<String> command = new ArrayList<>(List.of(SCRIPT.toString()));
        command.addAll(Arrays.asList(arguments));
        return ended(command);
    }

    static void assumeOpenssl() throws Exception {
        int code;
        try {
            code = ended(List.of("openssl", "version")).code();
        } catch (IOException e) {
            code = -1;
        }
        assumeTrue(code == 0, "needs openssl, which is not installed here");
    }

    static Ended ended(List<String> command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes());
        if (!process.waitFor(60, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError(command + " does not end: " + said);
        }
        return new Ended(process.exitValue(), said);
    }

    public Path certificate(String host) {
        return folder.resolve(host + ".crt");
    }

    public Path key(String host) {
        return folder.resolve(host + ".key");
    }

    public Path ca() {
        return folder.resolve("ca.crt");
    }

    /** For a node that is {@code host}. */
    public List<String> overrides(String host) {
        return List.of(
                "node.tls.enabled=true",
                "node.tls.certificate=" + certificate(host),
                "node.tls.key=" + key(host),
                "node.tls.ca=" + ca());
    }
}
