package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the launcher hands to the JVM, seen by a {@code java} that only prints it. */
@Timeout(60)
class LauncherIT {
    private static final Path HOME = Path.of(System.getProperty("sluice.home"));

    @TempDir
    Path folder;

    @BeforeEach
    void putAJavaThatPrintsInFront() throws IOException {
        Path java = Files.writeString(
                folder.resolve("java"),
                "#!/bin/sh\necho \"waits: $OMP_WAIT_POLICY\"\nfor a in \"$@\"; do echo \"argument: $a\"; done\n");
        assertThat(java.toFile().setExecutable(true)).isTrue();
    }

    @Test
    void intoAPipeThereIsNoTerminal() throws Exception {
        assertThat(run(HOME.resolve("sluice").toString(), "bench", "--help"))
                .contains(
                        "waits: passive",
                        "argument: -Dsluice.terminal=false",
                        "argument: -Dsluice.home=" + HOME,
                        "argument: dev.sluice.actors.cli.SluiceCommand",
                        "argument: bench",
                        "argument: --help");
    }

    @Test
    void onATerminalItSaysSo() throws Exception {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/script")),
                "a terminal to run it on comes with util-linux's script");
        assertThat(run("/usr/bin/script", "-qec", HOME.resolve("sluice") + " --help", "/dev/null"))
                .contains("argument: -Dsluice.terminal=true");
    }

    @Test
    void itIsFoundThroughALinkFromAnywhere() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("linked"), HOME.resolve("sluice"));

        assertThat(run(link.toString())).contains("argument: -Dsluice.home=" + HOME);
    }

    private List<String> run(String... command) throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true);
        builder.environment().put("PATH", folder + ":" + System.getenv("PATH"));
        builder.environment().put("SLUICE_NO_BUILD", "1");
        Process process = builder.start();
        List<String> lines =
                process.inputReader().lines().map(String::stripTrailing).toList();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(String.join("\n", lines)).isZero();
        return lines;
    }
}
