package dev.sluice.runtime.data;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/** What a file is that is not what its name says, by its first bytes, with what to do about it. */
final class Signature {
    /** Bytes that are looked at. */
    static final int LENGTH = 16;

    static final String PNG = "a PNG picture";

    private Signature() {}

    /** In words that follow "is"; empty where the bytes are nothing well known. */
    static Optional<String> of(byte[] first) {
        String text = new String(first, 0, Math.min(first.length, LENGTH), StandardCharsets.ISO_8859_1);
        String lower = text.stripLeading().toLowerCase(Locale.ROOT);
        if (text.isEmpty()) {
            return Optional.of("empty; fetch it again");
        }
        if (text.startsWith("\u00ff\u00d8\u00ff")) {
            return Optional.of("a JPEG picture; convert it to PNG");
        }
        if (text.startsWith("RIFF") && text.startsWith("WEBP", 8)) {
            return Optional.of("a WebP picture; convert it to PNG");
        }
        if (text.startsWith("GIF8")) {
            return Optional.of("a GIF picture; convert it to PNG");
        }
        if (text.startsWith("BM")) {
            return Optional.of("a BMP picture; convert it to PNG");
        }
        if (text.startsWith("\u0089PNG")) {
            return Optional.of(PNG);
        }
        if (text.startsWith("\u001f\u008b")) {
            return Optional.of("compressed by gzip; run gunzip on it");
        }
        if (text.startsWith("PK")) {
            return Optional.of("a ZIP archive; unpack it and name the folder");
        }
        if (lower.startsWith("<!doctype") || lower.startsWith("<html") || lower.startsWith("<?xml")) {
            return Optional.of("a web page: its download went wrong; fetch it again");
        }
        if (lower.startsWith("version https://")) {
            return Optional.of("a pointer of Git LFS and not the file itself; run git lfs pull");
        }
        return Optional.empty();
    }
}
