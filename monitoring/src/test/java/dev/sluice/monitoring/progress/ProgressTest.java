package dev.sluice.monitoring.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ProgressTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    private final Locale locale = Locale.getDefault();

    @AfterEach
    void restoreTheLocale() {
        Locale.setDefault(locale);
    }

    @Test
    void linesComeNowAndThen() {
        Locale.setDefault(Locale.GERMANY);
        HandClock clock = new HandClock();
        Progress progress = new LineProgress(out, "cycles", clock, Duration.ofSeconds(10));

        progress.begin("distil fashion", 300, 0);
        for (int done = 1; done <= 300; done++) {
            clock.advance(Duration.ofMillis(800));
            progress.advance(done, done == 13 ? "phase 1 of 2" : "");
        }
        progress.close();

        assertThat(text().lines())
                .startsWith(
                        "distil fashion: 300 cycles",
                        "distil fashion: 13/300 cycles, 1.25 cycles/s, 3:50 left, phase 1 of 2",
                        "distil fashion: 26/300 cycles, 1.25 cycles/s, 3:39 left")
                .endsWith("distil fashion: 300/300 cycles, 1.25 cycles/s, took 4:00")
                .hasSize(1 + 300 / 13 + 1);
    }

    @Test
    void longTasksCountHours() {
        HandClock clock = new HandClock();
        Progress progress = new LineProgress(out, "steps", clock, Duration.ZERO);

        progress.begin("train", 10, 0);
        clock.advance(Duration.ofMinutes(61));
        progress.advance(5, "loss 0.1");

        assertThat(text()).contains("train: 5/10 steps, 0.00 steps/s, 1:01:00 left, loss 0.1");
    }

    @Test
    void nothingDoneHasNoPace() {
        Progress progress = new LineProgress(out, "steps", new HandClock(), Duration.ZERO);

        progress.begin("train", 10, 0);
        progress.advance(0, "");

        assertThat(text().lines()).last().isEqualTo("train: 0/10 steps");
    }

    @Test
    void notesArePrintedAtOnce() {
        Progress progress = Progress.lines(out, "cycles");

        progress.note("before any task");
        progress.begin("distil", 3, 0);
        progress.note("swapped");

        assertThat(text().lines()).containsExactly("before any task", "distil: 3 cycles", "swapped");
    }

    @Test
    void theBarShowsTaskCountSpeedAndMessage() {
        try (Progress progress = new BarProgress(out, "cycles")) {
            progress.begin("distil", 300, 0);
            progress.advance(150, "phase 1 of 2");

            await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> assertThat(text())
                    .contains("distil")
                    .contains("150/300")
                    .contains("cycles/s"));
        }
    }

    @Test
    void aNoteStandsOnALineOfItsOwnAboveTheBar() {
        try (Progress progress = new BarProgress(out, "cycles")) {
            progress.note("before any task");
            progress.begin("distil", 300, 0);
            progress.note("swapped phase-1");
        }

        assertThat(text())
                .startsWith("before any task" + System.lineSeparator())
                .contains("\r\u001b[Kswapped phase-1" + System.lineSeparator());
    }

    @Test
    void aTaskMustBeBegun() {
        try (Progress bar = new BarProgress(out, "cycles");
                Progress lines = Progress.lines(out, "cycles")) {
            assertThatThrownBy(() -> bar.advance(1, "")).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> lines.advance(1, "")).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void theLauncherKnowsTheTerminalBest() {
        assertThat(Progress.isTerminal("true", false)).isTrue();
        assertThat(Progress.isTerminal("false", true)).isFalse();
        assertThat(Progress.isTerminal(null, true)).isTrue();
        assertThat(Progress.isTerminal("", false)).isFalse();
    }

    private String text() {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static final class HandClock extends Clock {
        private Instant now = Instant.EPOCH;

        void advance(Duration by) {
            now = now.plus(by);
        }

        @Override
        public Instant instant() {
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            throw new UnsupportedOperationException("only UTC is told");
        }
    }
}
