package dev.sluice.runtime.network;

import dev.sluice.protocol.Shown;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The entries of a TorchScript file, a zip, read by their places: nothing but what is asked for comes onto the heap. Two
 * readers of a doubtful zip may see two different files, so what is not laid out in the one plain way is refused: the
 * end record last, entries that do not overlap, names that differ in more than their case (libtorch looks them up without it),
 * all in one folder. Archives of more than 4 GiB are read.
 *
 * <p>Belongs to one thread. Keeps the file open until closed.
 */
final class ModuleArchive implements AutoCloseable {
    private static final int END = 22;
    private static final int END_64 = 56;
    private static final int LOCATOR_64 = 20;
    private static final int CENTRAL = 46;
    private static final int LOCAL = 30;
    private static final int MOST_ENTRIES = 200_000;
    private static final int LONGEST_DIRECTORY = 64 << 20;
    private static final long FULL = 0xffff_ffffL;
    private static final int STORED = 0;
    private static final int DEFLATED = 8;

    /**
     * @param name below the root folder: {@code data.pkl}, {@code code/__torch__.py} …
     * @param at where its bytes begin in the file
     * @param bytes that it takes there
     * @param size of its content
     */
    record Entry(String name, boolean deflated, long at, long bytes, long size) {}

    /** What is wrong with a file; the caller knows its name. */
    static final class Damage extends Exception {
        private static final long serialVersionUID = 1;

        Damage(String problem) {
            super(problem);
        }
    }

    private final Path file;
    private final FileChannel channel;
    private final String root;
    private final Map<String, Entry> entries;

    private ModuleArchive(Path file, FileChannel channel) throws IOException, Damage {
        this.file = file;
        this.channel = channel;
        Directory directory = directory();
        List<Entry> found = new ArrayList<>();
        this.root = read(directory, found);
        requireApart(directory, found);
        this.entries = new LinkedHashMap<>();
        for (Entry entry : found) {
            if (entries.putIfAbsent(entry.name().toLowerCase(Locale.ROOT), entry) != null) {
                throw new Damage("its entry " + quoted(entry.name()) + " is there twice");
            }
        }
    }

    /**
     * @throws NetworkFileException when there is no such file, or it is none of torch.jit.save's; it says what it is instead
     */
    static ModuleArchive open(Path file) {
        FileChannel channel = null;
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new NetworkFileException(file, ForeignFile.notRegular(file));
            }
            channel = FileChannel.open(file, StandardOpenOption.READ);
            ModuleArchive archive = new ModuleArchive(file, channel);
            channel = null;
            return archive;
        } catch (NoSuchFileException e) {
            throw new NetworkFileException(file, ForeignFile.absent(file), e);
        } catch (IOException e) {
            throw new NetworkFileException(file, "cannot be read: " + EngineErrors.cause(e), e);
        } catch (Damage e) {
            throw new NetworkFileException(
                    file,
                    ForeignFile.what(file)
                            .orElse("torn or not a TorchScript file (" + e.getMessage() + "); restore or retrain it"),
                    e);
        } finally {
            closeAfterFailure(channel);
        }
    }

    private static void closeAfterFailure(FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // The file was only read, and there is a better reason on its way.
        }
    }

    Path file() {
        return file;
    }

    /** The one folder that all entries are in, without its slash. */
    String root() {
        return root;
    }

    /** In the directory's order. */
    Collection<Entry> entries() {
        return entries.values();
    }

    Optional<Entry> find(String name) {
        return Optional.ofNullable(entries.get(name.toLowerCase(Locale.ROOT)));
    }

    /** Bytes at a place of the file. */
    ByteBuffer piece(long from, int bytes) throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (piece.hasRemaining()) {
            if (channel.read(piece, from + piece.position()) < 0) {
                throw new IOException("it became shorter while it was read");
            }
        }
        return piece.flip();
    }

    /**
     * An entry's content.
     *
     * @throws NetworkFileException when it is longer than {@code limit}, or torn
     */
    byte[] content(Entry entry, int limit) {
        try {
            if (entry.size() > limit || entry.bytes() > limit) {
                throw new Damage("its entry " + quoted(entry.name()) + " has " + entry.size() + " bytes, at most "
                        + limit + " are read");
            }
            byte[] bytes = piece(entry.at(), (int) entry.bytes()).array();
            return entry.deflated() ? inflated(entry, bytes) : bytes;
        } catch (IOException e) {
            throw new NetworkFileException(file, "cannot be read: " + EngineErrors.cause(e), e);
        } catch (Damage e) {
            throw new NetworkFileException(file, e.getMessage(), e);
        }
    }

    private static byte[] inflated(Entry entry, byte[] bytes) throws Damage {
        Inflater inflater = new Inflater(true);
        try {
            inflater.setInput(bytes);
            byte[] content = new byte[(int) entry.size()];
            int at = 0;
            while (at < content.length) {
                int n = inflater.inflate(content, at, content.length - at);
                if (n == 0) {
                    throw new Damage("its entry " + quoted(entry.name()) + " is torn");
                }
                at += n;
            }
            return content;
        } catch (DataFormatException e) {
            throw new Damage("its entry " + quoted(entry.name()) + " is torn");
        } finally {
            inflater.end();
        }
    }

    private record Directory(long at, int bytes, long count) {}

    private Directory directory() throws IOException, Damage {
        long size = channel.size();
        if (size < END || piece(0, 4).getInt(0) != 0x04034b50) {
            throw new Damage("it does not begin as a zip");
        }
        ByteBuffer end = piece(size - END, END);
        if (end.getInt(0) != 0x06054b50) {
            throw new Damage("zip END header not found");
        }
        long count = end.getShort(10) & 0xffff;
        long bytes = end.getInt(12) & FULL;
        long at = end.getInt(16) & FULL;
        long after = size - END;
        if (size >= END + LOCATOR_64 + END_64) {
            ByteBuffer locator = piece(size - END - LOCATOR_64, LOCATOR_64);
            if (locator.getInt(0) == 0x07064b50) {
                after = locator.getLong(8);
                if (after < 0 || after > size - END - LOCATOR_64 - END_64) {
                    throw new Damage("its zip64 end record lies outside of it");
                }
                ByteBuffer end64 = piece(after, END_64);
                if (end64.getInt(0) != 0x06064b50) {
                    throw new Damage("its zip64 end record is missing");
                }
                count = end64.getLong(32);
                bytes = end64.getLong(40);
                at = end64.getLong(48);
            }
        }
        if (count < 1
                || count > MOST_ENTRIES
                || bytes < 0
                || bytes > LONGEST_DIRECTORY
                || at < 0
                || at + bytes != after) {
            throw new Damage("its directory of " + count + " entries, " + bytes + " bytes at " + at + ", does not fit");
        }
        return new Directory(at, (int) bytes, count);
    }

    /** @return the root folder */
    private String read(Directory directory, List<Entry> found) throws IOException, Damage {
        ByteBuffer records = piece(directory.at(), directory.bytes());
        String folder = null;
        int at = 0;
        for (long i = 0; i < directory.count(); i++) {
            if (at + CENTRAL > records.limit() || records.getInt(at) != 0x02014b50) {
                throw new Damage("its directory is torn");
            }
            int nameLength = records.getShort(at + 28) & 0xffff;
            int extraLength = records.getShort(at + 30) & 0xffff;
            int next = at + CENTRAL + nameLength + extraLength + (records.getShort(at + 32) & 0xffff);
            if (next > records.limit()) {
                throw new Damage("its directory is torn");
            }
            byte[] raw = new byte[nameLength];
            records.get(at + CENTRAL, raw);
            String name = name(raw);
            if (folder == null) {
                int slash = name.indexOf('/');
                if (slash < 1) {
                    throw new Damage("its entries are in no folder");
                }
                folder = name.substring(0, slash + 1);
            }
            if (!name.startsWith(folder)) {
                throw new Damage("its entry " + quoted(name) + " is outside of its folder " + quoted(folder));
            }
            Entry entry = entry(records, at, name.substring(folder.length()), raw, directory);
            if (!name.endsWith("/")) {
                found.add(entry);
            } else if (entry.size() != 0) {
                throw new Damage("its folder " + quoted(name) + " has a content");
            }
            at = next;
        }
        if (at != records.limit()) {
            throw new Damage("its directory is longer than its entries");
        }
        return folder.substring(0, folder.length() - 1);
    }

    private static String name(byte[] raw) throws Damage {
        String name;
        try {
            name = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(raw))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new Damage("an entry's name is not UTF-8");
        }
        if (name.startsWith("/")
                || name.contains("\\")
                || name.chars().anyMatch(c -> c < ' ')
                || ("/" + name + "/").contains("/../")) {
            throw new Damage("its entry " + quoted(name) + " has a name that no entry should have");
        }
        return name;
    }

    private Entry entry(ByteBuffer records, int at, String name, byte[] raw, Directory directory)
            throws IOException, Damage {
        int flags = records.getShort(at + 8);
        int method = records.getShort(at + 10) & 0xffff;
        long bytes = records.getInt(at + 20) & FULL;
        long size = records.getInt(at + 24) & FULL;
        long local = records.getInt(at + 42) & FULL;
        int extra = at + CENTRAL + raw.length;
        int extraEnd = extra + (records.getShort(at + 30) & 0xffff);
        boolean wide = bytes == FULL || size == FULL || local == FULL;
        while (wide && extra + 4 <= extraEnd) {
            int length = records.getShort(extra + 2) & 0xffff;
            int stop = Math.min(extraEnd, extra + 4 + length);
            if (records.getShort(extra) == 1) {
                int value = extra + 4;
                if (size == FULL && value + 8 <= stop) {
                    size = records.getLong(value);
                    value += 8;
                }
                if (bytes == FULL && value + 8 <= stop) {
                    bytes = records.getLong(value);
                    value += 8;
                }
                if (local == FULL && value + 8 <= stop) {
                    local = records.getLong(value);
                }
                wide = false;
            }
            extra += 4 + length;
        }
        if ((flags & 1) != 0 || (method != STORED && method != DEFLATED)) {
            throw new Damage(
                    "its entry " + quoted(name) + " is encrypted or packed in a way that libtorch does not read");
        }
        if (local < 0 || local > directory.at() - LOCAL) {
            throw new Damage("its entry " + quoted(name) + " lies outside of it");
        }
        ByteBuffer header = piece(local, LOCAL);
        long begin = local + LOCAL + (header.getShort(26) & 0xffff) + (header.getShort(28) & 0xffff);
        if (header.getInt(0) != 0x04034b50
                || (header.getShort(26) & 0xffff) != raw.length
                || !ByteBuffer.wrap(raw).equals(piece(local + LOCAL, raw.length))
                || (header.getShort(8) & 0xffff) != method) {
            throw new Damage("its entry " + quoted(name) + " is not what the directory says");
        }
        if (bytes < 0
                || size < 0
                || begin > directory.at()
                || bytes > directory.at() - begin
                || (method == STORED && bytes != size)) {
            throw new Damage("its entry " + quoted(name) + " of " + size + " bytes does not fit into it");
        }
        return new Entry(name, method == DEFLATED, begin, bytes, size);
    }

    private static void requireApart(Directory directory, List<Entry> found) throws Damage {
        List<Entry> byPlace = new ArrayList<>(found);
        byPlace.sort(Comparator.comparingLong(Entry::at));
        long after = 0;
        for (Entry entry : byPlace) {
            if (entry.bytes() > 0 && entry.at() < after) {
                throw new Damage("its entry " + quoted(entry.name()) + " overlaps another");
            }
            after = Math.max(after, entry.at() + entry.bytes());
        }
        if (after > directory.at()) {
            throw new Damage("its entries reach into its directory");
        }
    }

    /** What a hostile file says must not fill the log. */
    static String quoted(String text) {
        return Shown.line(80, text);
    }

    @Override
    public void close() {
        closeAfterFailure(channel);
    }
}
