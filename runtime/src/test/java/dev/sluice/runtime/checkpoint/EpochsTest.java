package dev.sluice.runtime.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Epoch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EpochsTest {
    @TempDir
    Path folder;

    @Test
    void everyClaimIsGreaterThanAllBeforeAndThanWhatIsSaid() throws IOException {
        Epochs epochs = new Epochs(folder.resolve("epochs"));
        assertThat(epochs.claim(0)).isEqualTo(1);
        assertThat(epochs.claim(0)).isEqualTo(2);
        assertThat(epochs.claim(7)).isEqualTo(8);
        assertThat(new Epochs(folder.resolve("epochs")).claim(1)).isEqualTo(9);
    }

    @Test
    void thereIsNoneAfterTheLastAndItNeverBeginsAnew() throws IOException {
        Epochs epochs = new Epochs(folder);
        assertThat(epochs.claim(Epoch.LAST - 1)).isEqualTo(Epoch.LAST);

        assertThatThrownBy(() -> epochs.claim(0))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(folder + ": no epoch is left");
        assertThatThrownBy(() -> new Epochs(folder.resolve("other")).claim(Integer.MAX_VALUE))
                .isInstanceOf(IOException.class);
    }

    @Test
    void namesThatAreNoEpochsSayNothing() throws IOException {
        for (String name : List.of("0", "007", "2147483647", "99999999999999999999", "-3", "x")) {
            Files.createFile(folder.resolve(name));
        }
        assertThat(new Epochs(folder).claim(0)).isEqualTo(1);
    }

    @Test
    void whoeverClaimsAtTheSameTimeHasAnEpochOfHisOwn() {
        Set<Integer> claimed = ConcurrentHashMap.newKeySet();
        IntStream.range(0, 200).parallel().forEach(i -> {
            try {
                assertThat(claimed.add(new Epochs(folder).claim(0))).isTrue();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        assertThat(claimed).hasSize(200);
    }
}
