package dev.sluice.actors.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;

class ExplanationTest {
    @Test
    void whatJavaSaysOfFilesBecomesASentence() {
        assertThat(Explanation.of(new NoSuchFileException("/a/b"))).hasValue("/a/b is not there");
        assertThat(Explanation.of(new AccessDeniedException("/a/b")))
                .hasValue("/a/b: this user may not do that there (permission denied)");
        assertThat(Explanation.of(
                        new UncheckedIOException(new FileSystemException("/a/b", null, "No space left on device"))))
                .hasValue("/a/b: No space left on device");
        assertThat(Explanation.of(new IOException())).hasValue("java.io.IOException");
    }

    @Test
    void memoryThatIsTooSmallNamesTheVariable() {
        assertThat(Explanation.of(new OutOfMemoryError("Java heap space"))).hasValueSatisfying(text -> assertThat(text)
                .contains("MB of memory are too few for this (Java heap space)", "SLUICE_HEAP"));
    }

    @Test
    void whatOnlyWeCanMendIsNotDressedUp() {
        assertThat(Explanation.of(new NullPointerException("x"))).isEmpty();
    }
}
