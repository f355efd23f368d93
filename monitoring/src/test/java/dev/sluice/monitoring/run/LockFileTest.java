package dev.sluice.monitoring.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LockFileTest {
    @TempDir
    Path temp;

    /** Another process, which says by its exit code whether it got the lock. */
    static final class Other {
        private Other() {}

        public static void main(String[] arguments) throws IOException {
            System.exit(LockFile.take(Path.of(arguments[0])).isPresent() ? 0 : 3);
        }

        static boolean gets(Path file) throws IOException, InterruptedException {
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xmx32m",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Other.class.getName(),
                            file.toString())
                    .inheritIO()
                    .start();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isIn(0, 3);
            return process.exitValue() == 0;
        }
    }

    @Test
    void isHeldAgainstOtherProcessesHoweverOftenThisOneAsks() throws Exception {
        Path file = temp.resolve(".lock");
        LockFile held = LockFile.take(file).orElseThrow();

        assertThat(LockFile.take(file)).isEmpty();
        assertThat(LockFile.take(file)).isEmpty();
        assertThat(Other.gets(file)).isFalse();

        held.close();
        assertThat(Other.gets(file)).isTrue();
    }

    @Test
    void isTheSameByAnotherName() throws IOException {
        Path folder = Files.createDirectory(temp.resolve("folder"));
        Path other = Files.createSymbolicLink(temp.resolve("other"), folder);

        try (LockFile held = LockFile.take(folder.resolve(".lock")).orElseThrow()) {
            assertThat(held).isNotNull();
            assertThat(LockFile.take(other.resolve(".lock"))).isEmpty();
        }
        LockFile.take(other.resolve(".lock")).orElseThrow().close();
    }

    @Test
    void whoClosesTwiceClosesNothingOfTheNext() throws IOException {
        Path file = temp.resolve(".lock");
        LockFile first = LockFile.take(file).orElseThrow();
        first.close();
        try (LockFile second = LockFile.take(file).orElseThrow()) {
            first.close();

            assertThat(second).isNotNull();
            assertThat(LockFile.take(file)).isEmpty();
        }
    }

    @Test
    void opensNothingButAFile() throws IOException {
        Path folder = Files.createDirectory(temp.resolve(".lock"));

        assertThatThrownBy(() -> LockFile.take(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(".lock");
    }
}
