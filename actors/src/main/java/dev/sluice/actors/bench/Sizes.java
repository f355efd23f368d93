package dev.sluice.actors.bench;

/** Bytes as people write them. */
final class Sizes {
    private Sizes() {}

    static String name(int bytes) {
        return bytes % (1 << 20) == 0 ? (bytes >> 20) + " MiB" : (bytes >> 10) + " KiB";
    }
}
