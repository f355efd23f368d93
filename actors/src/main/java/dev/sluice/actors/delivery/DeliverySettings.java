package dev.sluice.actors.delivery;

import com.typesafe.config.Config;
import java.time.Duration;

/**
 * The limits of delivery, read from {@code sluice.delivery}; {@code reference.conf} says what each is for.
 *
 * @param port 0 takes any free one
 * @param queue bytes that may wait here for one node
 * @param window bytes that one actor may have to handle or be sent
 * @param buffer bytes of the piece of memory that tensors go through on their way
 * @param beat between two signs of life of a receiver that has nothing to say
 * @param silentAfter without one, a connection counts as broken
 * @param giveUpAfter without one from a node that is still in the cluster, what waits for it is undeliverable
 */
record DeliverySettings(
        int port, long queue, long window, int buffer, Duration beat, Duration silentAfter, Duration giveUpAfter) {
    private static final String SECTION = "sluice.delivery";
    private static final int SMALLEST_BUFFER = 16 * 1024;
    private static final int LARGEST_BUFFER = 64 << 20;

    /**
     * Reads and validates the settings of a whole system's configuration.
     *
     * @param maxMessage bytes of the largest message
     * @throws IllegalArgumentException when they cannot hold, alone or together
     */
    static DeliverySettings from(Config config, int maxMessage) {
        Config own = config.getConfig(SECTION);
        DeliverySettings settings = new DeliverySettings(
                own.getInt("port"),
                own.getBytes("queue"),
                own.getBytes("window"),
                (int) Math.min(Integer.MAX_VALUE, own.getBytes("buffer")),
                own.getDuration("beat"),
                own.getDuration("silent-after"),
                own.getDuration("give-up-after"));
        require(
                settings.port >= 0 && settings.port <= 65_535,
                "port = " + settings.port + " must be between 0, for any free one, and 65535");
        require(
                settings.queue >= maxMessage,
                "queue = " + settings.queue + " bytes must hold one message of sluice.wire.max-message = "
                        + maxMessage);
        require(settings.window > 0, "window = " + settings.window + " bytes must be above 0");
        require(
                settings.buffer >= SMALLEST_BUFFER && settings.buffer <= LARGEST_BUFFER,
                "buffer = " + settings.buffer + " bytes must be between " + SMALLEST_BUFFER + " and " + LARGEST_BUFFER);
        require(!settings.beat.isZero() && !settings.beat.isNegative(), "beat must be above 0");
        require(
                settings.silentAfter.compareTo(settings.beat.multipliedBy(2)) > 0,
                "silent-after = " + settings.silentAfter.toMillis() + " ms must be more than two beats of "
                        + settings.beat.toMillis() + " ms");
        require(
                settings.giveUpAfter.compareTo(settings.silentAfter) > 0,
                "give-up-after = " + settings.giveUpAfter.toMillis() + " ms must be more than silent-after = "
                        + settings.silentAfter.toMillis() + " ms");
        return settings;
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(SECTION + "." + otherwise);
        }
    }
}
