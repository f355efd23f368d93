package dev.sluice.runtime.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Sha256Test {
    @TempDir
    Path folder;

    @Test
    void isTheStandardsOwnExample() throws IOException {
        String abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        byte[] bytes = "abc".getBytes(StandardCharsets.UTF_8);
        Path file = Files.write(folder.resolve("abc"), bytes);

        assertThat(Sha256.of(bytes)).isEqualTo(abc);
        assertThat(Sha256.of(file)).isEqualTo(abc);
    }
}
