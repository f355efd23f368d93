package dev.sluice.protocol.wire;

import com.typesafe.config.Config;

/**
 * The limits of the wire, read from {@code sluice.wire}.
 *
 * @param maxFrame bytes of the largest frame that a message may take over Artery, its tensors included
 * @param maxMessage bytes of the largest message over a connection of its own
 */
record WireSettings(int maxFrame, int maxMessage) {
    private static final String MAX_FRAME = "sluice.wire.max-frame";
    private static final String MAX_MESSAGE = "sluice.wire.max-message";
    private static final String LANE = "pekko.remote.artery.advanced.maximum-large-frame-size";

    /** What Pekko's envelope (sender, recipient, manifest) may take of a lane's frame beside ours. */
    private static final long ENVELOPE = 16 * 1024;

    private static final long SMALLEST = 16 * 1024;

    /**
     * Reads and validates the settings of a whole system's configuration.
     *
     * @throws IllegalArgumentException when a limit is out of bounds or above what the large-message lane carries
     */
    static WireSettings from(Config config) {
        long maxFrame = config.getBytes(MAX_FRAME);
        if (maxFrame < SMALLEST || maxFrame > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    MAX_FRAME + " = " + maxFrame + " bytes must be between " + SMALLEST + " and " + Integer.MAX_VALUE);
        }
        if (config.hasPath(LANE) && maxFrame + ENVELOPE > config.getBytes(LANE)) {
            throw new IllegalArgumentException(MAX_FRAME + " = " + maxFrame + " bytes does not fit " + LANE + " = "
                    + config.getBytes(LANE) + " with " + ENVELOPE
                    + " bytes for the envelope: lower the one or raise the other");
        }
        long maxMessage = config.getBytes(MAX_MESSAGE);
        if (maxMessage < maxFrame || maxMessage > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(MAX_MESSAGE + " = " + maxMessage + " bytes must be between " + MAX_FRAME
                    + " = " + maxFrame + " and " + Integer.MAX_VALUE);
        }
        return new WireSettings((int) maxFrame, (int) maxMessage);
    }
}
