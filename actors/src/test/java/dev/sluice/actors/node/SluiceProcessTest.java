package dev.sluice.actors.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class SluiceProcessTest {
    @Test
    void aWaitThatTakesTooLongSaysWhatItWaitedFor() {
        assertThatThrownBy(() -> SluiceProcess.await(
                        new CompletableFuture<>(), "the HTTP port 8080 to open", Duration.ofSeconds(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("waited 1 s for the HTTP port 8080 to open; the log may say what holds it up")
                .hasRootCauseInstanceOf(TimeoutException.class);
    }

    @Test
    void whatFailsIsThrownAsItIs() {
        CannotStart refused = new CannotStart("the port is taken", null);

        assertThatThrownBy(() -> SluiceProcess.await(
                        CompletableFuture.failedFuture(refused), "the HTTP port 8080 to open", Duration.ofSeconds(1)))
                .isSameAs(refused);
    }

    @Test
    void whatIsDoneIsGiven() {
        assertThat(SluiceProcess.await(CompletableFuture.completedFuture("done"), "anything", Duration.ofSeconds(1)))
                .isEqualTo("done");
    }
}
