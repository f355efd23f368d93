package dev.sluice.actors.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.typesafe.config.ConfigFactory;
import org.junit.jupiter.api.Test;

/** Limits that cannot hold are refused when they are read. */
class DeliverySettingsTest {
    private static final int MAX_MESSAGE = 256 << 20;

    @Test
    void whatIsShippedHolds() {
        assertThat(settings("").queue()).isGreaterThanOrEqualTo(2L * MAX_MESSAGE);
    }

    @Test
    void limitsThatCannotHoldAreRefusedWithTheMend() {
        refused("port = 70000", "sluice.delivery.port = 70000 must be between 0, for any free one, and 65535");
        refused(
                "queue = 1 MiB",
                "sluice.delivery.queue = 1048576 bytes must hold one message of sluice.wire.max-message = 268435456");
        refused("window = 0", "sluice.delivery.window = 0 bytes must be above 0");
        refused("buffer = 1 KiB", "sluice.delivery.buffer = 1024 bytes must be between 16384 and 67108864");
        refused("buffer = 4 GiB", "sluice.delivery.buffer = 2147483647 bytes must be between 16384 and 67108864");
        refused("beat = 0 s", "sluice.delivery.beat must be above 0");
        refused("beat = 5 s", "sluice.delivery.silent-after = 10000 ms must be more than two beats of 5000 ms");
        refused(
                "give-up-after = 10 s",
                "sluice.delivery.give-up-after = 10000 ms must be more than silent-after = 10000 ms");
    }

    private static void refused(String change, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> settings("sluice.delivery." + change))
                .withMessage(message);
    }

    private static DeliverySettings settings(String change) {
        return DeliverySettings.from(ConfigFactory.parseString(change).withFallback(ConfigFactory.load()), MAX_MESSAGE);
    }
}
