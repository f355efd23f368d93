package dev.sluice.runtime.network;

import java.io.IOException;
import java.io.OutputStream;
import java.time.LocalDateTime;
import java.util.zip.CRC32;
import java.util.zip.CheckedOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** A zip whose entries are stored uncompressed under one fixed date: what libtorch reads, the same bytes every time. */
final class StoredZip implements AutoCloseable {
    private static final LocalDateTime DATE = LocalDateTime.of(1980, 1, 1, 0, 0);

    private final ZipOutputStream zip;

    StoredZip(OutputStream out) {
        zip = new ZipOutputStream(out);
        zip.setMethod(ZipOutputStream.STORED);
    }

    /** Writes an entry's content, the same each time. */
    @FunctionalInterface
    interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    void entry(String name, byte[] content) throws IOException {
        entry(name, content.length, out -> out.write(content));
    }

    /** An entry that need not fit into memory: {@code content} is asked twice, for its checksum stands in front of it. */
    void entry(String name, long size, Content content) throws IOException {
        CRC32 crc = new CRC32();
        content.writeTo(new CheckedOutputStream(OutputStream.nullOutputStream(), crc));
        ZipEntry entry = new ZipEntry(name);
        entry.setTimeLocal(DATE);
        entry.setSize(size);
        entry.setCompressedSize(size);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        content.writeTo(zip);
        zip.closeEntry();
    }

    @Override
    public void close() throws IOException {
        zip.close();
    }
}
