package dev.sluice.actors.fake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Certificates of hosts, made as a user makes them. The test is skipped where there is no openssl. */
public final class Certificates {
    private Certificates() {}

    /** {@code ca.crt}, and {@code HOST.crt} and {@code HOST.key} of each host, in {@code folder}. */
    public static void make(Path folder, List<String> hosts) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("sluice.home"), "cluster-config", "certificates.sh")
                .toString());
        command.add(folder.toString());
        command.addAll(hosts);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assumeTrue(!said.contains("needs openssl"), said);
        assertThat(process.exitValue()).as(said).isZero();
    }
}
