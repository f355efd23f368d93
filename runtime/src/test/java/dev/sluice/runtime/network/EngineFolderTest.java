package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineFolderTest {
    @TempDir
    Path folder;

    private EngineFolder choose(Map<String, String> environment, Path userHome) {
        Map<String, String> properties = Map.of("user.home", userHome.toString(), "java.io.tmpdir", folder.toString());
        return EngineFolder.choose(environment, properties::get);
    }

    private Path folder(String name) throws IOException {
        return Files.createDirectories(folder.resolve(name));
    }

    @Test
    void whatTheUserNamesIsTakenEvenWhereItCannotBeUsed() {
        EngineFolder chosen = choose(Map.of("DJL_CACHE_DIR", "/nowhere/at all", "HOME", folder.toString()), folder);
        assertThat(chosen.path()).isEqualTo(Path.of("/nowhere/at all"));
        assertThat(chosen.chosenBy()).isEqualTo("DJL_CACHE_DIR=/nowhere/at all");
        assertThat(choose(Map.of("ENGINE_CACHE_DIR", "/a", "DJL_CACHE_DIR", "/b"), folder)
                        .path())
                .isEqualTo(Path.of("/a"));
    }

    @Test
    void homeComesFirstWhoeverTheSystemTakesTheUserFor() throws IOException {
        Path home = folder("home");
        assertThat(choose(Map.of("HOME", home.toString()), Path.of("?"))).satisfies(chosen -> {
            assertThat(chosen.path()).isEqualTo(home.resolve(".djl.ai"));
            assertThat(chosen.chosenBy()).isEqualTo("HOME");
        });
        assertThat(choose(Map.of(), folder("other")).path()).isEqualTo(folder.resolve("other/.djl.ai"));
        assertThat(choose(
                                Map.of(
                                        "HOME",
                                        "/nonexistent",
                                        "XDG_CACHE_HOME",
                                        folder("cache").toString()),
                                Path.of("?"))
                        .path())
                .isEqualTo(folder.resolve("cache/.djl.ai"));
    }

    @Test
    void aUserWithoutAHomeGetsAFolderOfHisOwnAmongTheTemporaryFiles() throws IOException {
        for (String home : new String[] {"/nonexistent", "", "relative", "?"}) {
            EngineFolder chosen = choose(Map.of("HOME", home), Path.of("?"));
            assertThat(chosen.path().getParent().getParent()).isEqualTo(folder);
            assertThat(PosixFilePermissions.toString(
                            Files.getPosixFilePermissions(chosen.path().getParent())))
                    .isEqualTo("rwx------");
            assertThat(choose(Map.of(), Path.of("?"))).as("the same again").isEqualTo(chosen);
        }
    }

    /** Whoever can write there could put libraries of his own there. */
    @Test
    void aTemporaryFolderThatOthersMayWriteToIsRefused() throws IOException {
        Path own = choose(Map.of(), Path.of("?")).path().getParent();
        Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThatThrownBy(() -> choose(Map.of(), Path.of("?")))
                .isInstanceOf(EngineNotLoaded.class)
                .hasMessageContaining(own + " is not this user's alone")
                .hasMessageContaining("Set DJL_CACHE_DIR to a folder of your own with 500 MB to spare");
    }

    @Test
    void librariesCountAsUnpackedWhenTheyAreInTheirPlace() throws IOException {
        EngineFolder chosen = new EngineFolder(folder, "a test");
        assertThat(chosen.isUnpacked()).isFalse();
        Files.createFile(folder("pytorch/tmp123").resolve(System.mapLibraryName("torch")));
        assertThat(chosen.isUnpacked()).isFalse();
        Files.createFile(folder("pytorch/2.7.1-cpu").resolve(System.mapLibraryName("torch")));
        assertThat(chosen.isUnpacked()).isTrue();
    }

    @Test
    void whatAKilledProcessHasUnpackedIsRemovedAndWhatALivingOneUnpacksIsNot() throws IOException {
        Instant now = Instant.parse("2026-01-01T00:00:00Z");
        Path dead = Files.createFile(folder("pytorch/tmp1").resolve("libtorch_cpu.so"));
        Path living = Files.createFile(folder("pytorch/tmp2").resolve("libtorch_cpu.so"));
        Path whole = Files.createFile(folder("pytorch/2.7.1-cpu").resolve("libtorch.so"));
        for (Path file : new Path[] {dead, dead.getParent(), living.getParent(), whole, whole.getParent()}) {
            Files.setLastModifiedTime(file, FileTime.from(now.minusSeconds(100)));
        }
        Files.setLastModifiedTime(living, FileTime.from(now.minusSeconds(10)));

        EngineLoading.removeAbandoned(new EngineFolder(folder, "a test"), now.minusSeconds(60));

        assertThat(dead.getParent()).doesNotExist();
        assertThat(living).exists();
        assertThat(whole).exists();
    }

    @Test
    void whatKeepsTheEngineFromLoadingIsOneSentenceWithTheFolderAndTheMend() {
        EngineFolder chosen = new EngineFolder(Path.of("/home/ann/.djl.ai"), "HOME");
        Throwable noexec = new IllegalStateException(
                "Failed to load PyTorch native library",
                new UnsatisfiedLinkError("/x/libc10.so: failed to map segment from shared object"));
        assertThat(EngineLoading.explanation(chosen, Map.of(), noexec))
                .isEqualTo(
                        "libtorch cannot be loaded from /home/ann/.djl.ai/pytorch (HOME): programs may not run from there, it"
                                + " is mounted noexec. Set DJL_CACHE_DIR to a folder from where they may, with 500 MB to spare");
        assertThat(EngineLoading.explanation(chosen, Map.of(), new UnsatisfiedLinkError("file too short\nmore")))
                .isEqualTo(
                        "libtorch cannot be loaded from /home/ann/.djl.ai/pytorch (HOME): file too short. Delete that folder,"
                                + " so that it is unpacked again, or set DJL_CACHE_DIR to another with 500 MB to spare");
        assertThat(EngineLoading.explanation(
                        chosen, Map.of("PYTORCH_LIBRARY_PATH", "/mine"), new UnsatisfiedLinkError("no such symbol")))
                .isEqualTo(
                        "the libtorch that PYTORCH_LIBRARY_PATH=/mine asks for cannot be loaded (no such symbol): unset that"
                                + " and use the one that Sluice brings, or see docs/engine.md");
    }
}
