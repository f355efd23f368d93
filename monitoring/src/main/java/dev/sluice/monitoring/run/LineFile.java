package dev.sluice.monitoring.run;

import dev.sluice.protocol.Shown;
import dev.sluice.protocol.file.Durable;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * A text file that only grows, a line at a time. A line is there when its line feed is: what follows the last one was
 * torn by a crash or a full disk, and is cut off before anything is added.
 *
 * <p>Opened by the first line, and again after a failure, so a disk that has room again is used again. Not safe for
 * use by several threads; one process at a time.
 */
final class LineFile implements Closeable {
    /** Bytes, or characters, of one line that are looked at; what is longer was not written here. */
    private static final int LONGEST_LINE = 1 << 20;

    private static final int SHOWN = 200;

    private final Path path;
    private final Consumer<String> torn;
    private FileChannel channel;
    private long end;
    /** Whether the folder may not have the file's name on the disk. */
    private boolean isNew;

    /** A whole line of a file, counted from 1. */
    @FunctionalInterface
    interface Lines {
        /** @param text without its line feed; what is longer than a line can be is cut */
        void line(int number, String text);
    }

    /** @param torn told what was cut off, when something was */
    LineFile(Path path, Consumer<String> torn) {
        this.path = path;
        this.torn = torn;
    }

    /** Opens the file if that has not been done; so that a torn end is cut now. */
    void open() throws IOException {
        if (channel != null) {
            return;
        }
        isNew = isNew || Files.notExists(path);
        FileChannel opened =
                FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            long size = opened.size();
            long whole = afterLastLineFeed(opened, size);
            if (whole < size) {
                ByteBuffer rest = ByteBuffer.allocate((int) Math.min(size - whole, LONGEST_LINE));
                read(opened, rest, whole);
                opened.truncate(whole);
                torn.accept(StandardCharsets.UTF_8.decode(rest.flip()).toString());
            }
            end = whole;
            channel = opened;
        } finally {
            if (channel == null) {
                opened.close();
            }
        }
    }

    /** Whether no line has been written yet; opens the file. */
    boolean isEmpty() throws IOException {
        open();
        return end == 0;
    }

    /** The first line without its line feed; empty when there is none. Opens the file. */
    String firstLine(int longest) throws IOException {
        open();
        ByteBuffer start = ByteBuffer.allocate((int) Math.min(end, longest));
        read(channel, start, 0);
        return StandardCharsets.UTF_8.decode(start.flip()).toString().split("\n", 2)[0];
    }

    /** Adds {@code line}, which must hold no line feed, in one write: it outlives this process, not the machine. */
    void append(String line) throws IOException {
        open();
        ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
        long position = end;
        try {
            while (bytes.hasRemaining()) {
                position += channel.write(bytes, position);
            }
            end = position;
        } catch (IOException e) {
            forget(e);
            throw e;
        }
    }

    /** Cuts the file off before the first line that {@code isFrom} says yes to. Opens the file. */
    void truncate(Predicate<String> isFrom) throws IOException {
        open();
        ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(end));
        read(channel, content, 0);
        byte[] bytes = content.array();
        for (int start = 0, i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                if (isFrom.test(new String(bytes, start, i - start, StandardCharsets.UTF_8))) {
                    channel.truncate(start);
                    end = start;
                    return;
                }
                start = i + 1;
            }
        }
    }

    /** Onto the disk, whatever happens to the machine. */
    void force() throws IOException {
        if (channel != null) {
            channel.force(false);
            if (isNew) {
                Durable.force(path.toAbsolutePath().getParent());
                isNew = false;
            }
        }
    }

    /**
     * Reads a file, also one that is still being written, whatever is in it.
     *
     * @return what is there of a last line that was not finished
     * @throws IOException when it cannot be read
     */
    static Optional<String> read(Path path, Lines lines) throws IOException {
        requireFile(path);
        // Unlike Files.newBufferedReader, this one survives a character that was torn in the middle.
        try (Reader reader =
                new BufferedReader(new InputStreamReader(Files.newInputStream(path), StandardCharsets.UTF_8))) {
            StringBuilder line = new StringBuilder();
            int number = 0;
            for (int c = reader.read(); c >= 0; c = reader.read()) {
                if (c == '\n') {
                    lines.line(++number, line.toString());
                    line.setLength(0);
                } else if (line.length() <= LONGEST_LINE) {
                    line.append((char) c);
                }
            }
            return line.isEmpty() ? Optional.empty() : Optional.of(line.toString());
        }
    }

    /** A pipe in its place would keep whoever opens it waiting for ever. */
    private static void requireFile(Path path) throws IOException {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new IOException(path + " is not a file; remove it, or put the file back");
        }
    }

    /** As much of a damaged line as a message can show. */
    static String shown(String line) {
        return Shown.line(SHOWN, line);
    }

    @Override
    public void close() throws IOException {
        if (channel != null) {
            FileChannel closing = channel;
            channel = null;
            closing.close();
        }
    }

    /** The half of a line that went out is cut off here if that works, else when the file is opened again. */
    private void forget(IOException cause) {
        try {
            channel.truncate(end);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
        try {
            close();
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    private static long afterLastLineFeed(FileChannel channel, long size) throws IOException {
        ByteBuffer block = ByteBuffer.allocate(8192);
        for (long blockEnd = size; blockEnd > 0; ) {
            long start = Math.max(0, blockEnd - block.capacity());
            read(channel, block.clear().limit((int) (blockEnd - start)), start);
            for (int i = block.position() - 1; i >= 0; i--) {
                if (block.get(i) == '\n') {
                    return start + i + 1;
                }
            }
            blockEnd = start;
        }
        return 0;
    }

    private static void read(FileChannel channel, ByteBuffer into, long position) throws IOException {
        int first = into.position();
        while (into.hasRemaining()) {
            if (channel.read(into, position + into.position() - first) < 0) {
                throw new IOException("the file became shorter while it was read");
            }
        }
    }
}
