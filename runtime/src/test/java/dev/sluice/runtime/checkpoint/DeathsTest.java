package dev.sluice.runtime.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeathsTest {
    private static final int MOST = 5;

    @TempDir
    private Path folder;

    private Deaths deaths;

    @BeforeEach
    void make() {
        deaths = new Deaths(folder.resolve("deaths.json"));
    }

    @Test
    void aStartThatWasNotTakenBackIsADeathAndWhatItWasAtIsKnown() throws IOException {
        assertThat(deaths.begin(MOST)).isEqualTo(Deaths.Past.NONE);
        deaths.during("phase 1 was being loaded");

        assertThat(deaths.begin(MOST)).isEqualTo(new Deaths.Past(1, "phase 1 was being loaded"));
        assertThat(deaths.begin(MOST)).isEqualTo(new Deaths.Past(2, ""));
    }

    @Test
    void startsThatEndInOrderAreNone() throws IOException {
        for (int i = 0; i < 20; i++) {
            assertThat(deaths.begin(MOST).times()).isZero();
            deaths.ended();
        }
    }

    @Test
    void anOrderlyEndLeavesTheDeathsBeforeItCounted() throws IOException {
        deaths.begin(MOST);
        deaths.begin(MOST);
        deaths.ended();

        assertThat(deaths.begin(MOST).times()).isEqualTo(1);
    }

    @Test
    void whatIsKeptForgivesTheDeathsBeforeItAndNotTheNext() throws IOException {
        for (int i = 0; i < 20; i++) {
            assertThat(deaths.begin(MOST).times()).isLessThanOrEqualTo(1);
            deaths.forget();
        }
    }

    @Test
    void theStartAfterTooManyIsToldOfThemAndTheNextMayTryAgain() throws IOException {
        for (int i = 0; i <= MOST; i++) {
            assertThat(deaths.begin(MOST).times()).isEqualTo(i);
        }
        assertThat(deaths.begin(MOST).times()).isEqualTo(MOST + 1);

        assertThat(deaths.begin(MOST).times()).isZero();
    }

    @Test
    void nothingIsWrittenOfARunThatWasNeverBegun() throws IOException {
        deaths.during("phase 1 was being loaded");
        deaths.forget();
        deaths.ended();

        assertThat(folder).isEmptyDirectory();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "null",
                "[]",
                "{",
                "\0\0\0\0",
                "{\"deaths\":-1,\"underWay\":true,\"during\":\"\"}",
                "{\"deaths\":null,\"underWay\":true,\"during\":\"\"}",
                "{\"underWay\":true}",
                "{\"deaths\":99999999999,\"underWay\":true,\"during\":\"\"}"
            })
    void aFileThatIsHurtAccusesNobody(String text) throws IOException {
        Files.writeString(deaths.file(), text);

        assertThat(deaths.begin(MOST)).isEqualTo(Deaths.Past.NONE);
        assertThat(deaths.begin(MOST).times()).isEqualTo(1);
    }
}
