package dev.sluice.actors.files;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Takes a stream of announced size and SHA-256 in, checking both on the way: nothing is read a second time. */
final class Intake {
    private Intake() {}

    /** All the bytes came, but not those that were announced. */
    static final class OtherBytes extends IOException {
        private static final long serialVersionUID = 1L;

        private final String found;

        private OtherBytes(String message, String found) {
            super(message);
            this.found = found;
        }

        /** SHA-256 of what came. */
        String found() {
            return found;
        }
    }

    /**
     * Copies {@code in} to its end.
     *
     * @param what for people: the file and where it comes from
     * @throws IOException when {@code out} does not take it
     * @throws UncheckedIOException when {@code in} breaks off, ends early, does not end, or has other bytes
     */
    static void copy(InputStream in, long size, String sha256, String what, OutputStream out) throws IOException {
        MessageDigest digest = digest();
        byte[] piece = new byte[Streams.CHUNK];
        long came = 0;
        for (int n = read(in, piece, what, came, size); n >= 0; n = read(in, piece, what, came, size)) {
            came += n;
            if (came > size) {
                throw broken(what + " sent more than its " + size + " bytes", null);
            }
            digest.update(piece, 0, n);
            out.write(piece, 0, n);
        }
        if (came != size) {
            throw broken(what + " ended after " + came + " of " + size + " bytes", null);
        }
        String found = HexFormat.of().formatHex(digest.digest());
        if (!found.equals(sha256)) {
            throw new UncheckedIOException(new OtherBytes(
                    what + " has other bytes than it should: their SHA-256 is " + found + ", expected " + sha256,
                    found));
        }
    }

    private static int read(InputStream in, byte[] piece, String what, long came, long size) {
        try {
            return in.read(piece);
        } catch (IOException e) {
            throw broken(what + " broke off after " + came + " of " + size + " bytes: " + Streams.reason(e), e);
        }
    }

    private static UncheckedIOException broken(String message, IOException cause) {
        return new UncheckedIOException(new IOException(message, cause));
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform must have SHA-256", e);
        }
    }
}
