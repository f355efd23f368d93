package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
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
                "#!/bin/sh\necho \"waits: $OMP_WAIT_POLICY\"\necho \"locale: $LC_ALL\"\nfor a in \"$@\"; do echo \"argument: $a\"; done\n");
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

    @Test
    void aLocaleOfAsciiOnlyIsReplacedAndAnyOtherKept() throws Exception {
        String sluice = HOME.resolve("sluice").toString();
        assertThat(run(Map.of("LC_ALL", "C"), sluice)).contains("locale: C.UTF-8");
        assertThat(run(Map.of("LC_ALL", "", "LC_CTYPE", "", "LANG", ""), sluice))
                .contains("locale: C.UTF-8");
        assertThat(run(Map.of("LC_ALL", "xx_XX.UTF-8"), sluice))
                .as("one that is not installed is C")
                .contains("locale: C.UTF-8");
        assertThat(run(Map.of("LC_ALL", "", "LC_CTYPE", "", "LANG", "C.UTF-8"), sluice))
                .contains("locale:");
    }

    /** A checkout that was moved, or copied into an image; or a local repository that was cleaned. */
    @Test
    void aBuildWhoseLibrariesAreGoneIsRefusedWhereItMayNotBeBuilt() throws Exception {
        Path moved = Files.createDirectories(folder.resolve("moved here/actors/target"));
        Files.createFile(moved.resolve("sluice-actors-0.1.0-SNAPSHOT.jar"));
        Path there = Files.createFile(folder.resolve("there.jar"));
        Path gone = folder.resolve("gone.jar");
        Files.writeString(moved.resolve("classpath.txt"), there + ":" + gone);
        Path sluice = folder.resolve("moved here/sluice");
        Files.copy(HOME.resolve("sluice"), sluice, StandardCopyOption.COPY_ATTRIBUTES);

        Ended ended = end(Map.of(), sluice.toString());
        assertThat(ended.code()).isEqualTo(1);
        assertThat(ended.lines())
                .containsExactly(
                        "sluice: the build in " + folder.resolve("moved here") + " is not complete: there is no " + gone
                                + "; unset SLUICE_NO_BUILD, so that it is built again");

        Files.createFile(gone);
        assertThat(run(sluice.toString())).contains("argument: dev.sluice.actors.cli.SluiceCommand");
    }

    @Test
    void aHeapThatIsNoNumberIsRefused() throws Exception {
        Ended ended = end(Map.of("SLUICE_HEAP", "lots"), HOME.resolve("sluice").toString());
        assertThat(ended.code()).isEqualTo(1);
        assertThat(ended.lines())
                .containsExactly("sluice: SLUICE_HEAP=lots must be a number of bytes, such as 2g or 1500m");
    }

    private record Ended(int code, List<String> lines) {}

    private List<String> run(String... command) throws Exception {
        return run(Map.of(), command);
    }

    private List<String> run(Map<String, String> environment, String... command) throws Exception {
        Ended ended = end(environment, command);
        assertThat(ended.code()).as(String.join("\n", ended.lines())).isZero();
        return ended.lines();
    }

    private Ended end(Map<String, String> environment, String... command) throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true);
        builder.environment().put("PATH", folder + ":" + System.getenv("PATH"));
        builder.environment().put("SLUICE_NO_BUILD", "1");
        // Which would come before the PATH.
        builder.environment().remove("JAVA_HOME");
        builder.environment().putAll(environment);
        Process process = builder.start();
        List<String> lines =
                process.inputReader().lines().map(String::stripTrailing).toList();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return new Ended(process.exitValue(), lines);
    }
}
