package dev.sluice.runtime.store;

import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.file.Durable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Named tensors and string metadata in a <a href="https://github.com/huggingface/safetensors">safetensors</a> file: an
 * 8-byte little-endian length, a JSON header, the raw little-endian tensors. Types F32, F64 and I64. The same content
 * in the same order gives the same bytes.
 *
 * @param tensors in the order of the header
 * @param metadata in the order of the header; empty where there is none
 */
public record Safetensors(Map<String, Tensor> tensors, Map<String, String> metadata) {
    /** The limit of the reference implementation. */
    private static final long MAX_HEADER_BYTES = 100_000_000;

    /** Copies both maps, keeping their order. */
    public Safetensors {
        tensors = ordered(tensors);
        metadata = ordered(metadata);
        if (tensors.containsKey(SafetensorsHeader.METADATA)) {
            throw new IllegalArgumentException("no tensor can be named " + SafetensorsHeader.METADATA);
        }
    }

    private static <V> Map<String, V> ordered(Map<String, V> map) {
        map.forEach((name, value) -> {
            if (name == null || value == null) {
                throw new IllegalArgumentException("no name or value may be null: " + name);
            }
        });
        return Collections.unmodifiableMap(new LinkedHashMap<>(map));
    }

    /**
     * Writes the file whole or not at all ({@link Durable}).
     *
     * @throws IOException when it could not be written; what was there before is untouched
     */
    public void write(Path file) throws IOException {
        byte[] header = SafetensorsHeader.of(tensors, metadata).toJson();
        Durable.write(file, out -> {
            ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            out.write(length.putLong(0, header.length).array());
            out.write(header);
            for (Map.Entry<String, Tensor> e : SafetensorsHeader.widestFirst(tensors)) {
                ByteBuffer bytes = ByteBuffer.allocate(e.getValue().byteSize());
                e.getValue().write(bytes);
                out.write(bytes.array());
            }
        });
    }

    /**
     * Reads a whole file. Never allocates more than the file holds, whatever its header claims.
     *
     * @throws IOException when it is missing, torn, lies about itself or holds other types; the message names the file
     */
    public static Safetensors read(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return read(channel);
        } catch (NoSuchFileException e) {
            throw new IOException(file + " does not exist", e);
        } catch (IOException e) {
            throw new IOException(file + " cannot be read as safetensors: " + Durable.reason(e), e);
        }
    }

    private static Safetensors read(FileChannel channel) throws IOException {
        long size = channel.size();
        if (size < Long.BYTES) {
            throw new IOException("it has " + size + " bytes, not even the 8 of the header's length");
        }
        long length = piece(channel, 0, Long.BYTES).getLong(0);
        if (length < 2 || length > Math.min(MAX_HEADER_BYTES, size - Long.BYTES)) {
            throw new IOException("it announces a header of " + Long.toUnsignedString(length) + " bytes; the file has "
                    + (size - Long.BYTES) + " after the length, and at most " + MAX_HEADER_BYTES + " are read");
        }
        long data = Long.BYTES + length;
        SafetensorsHeader header =
                SafetensorsHeader.parse(piece(channel, Long.BYTES, (int) length).array(), size - data);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (SafetensorsHeader.Entry entry : header.entries()) {
            ByteBuffer bytes = piece(channel, data + entry.begin(), (int) (entry.end() - entry.begin()));
            tensors.put(entry.name(), Tensor.read(entry.dtype(), entry.shape(), bytes));
        }
        return new Safetensors(tensors, header.metadata());
    }

    private static ByteBuffer piece(FileChannel channel, long from, int bytes) throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (piece.hasRemaining()) {
            if (channel.read(piece, from + piece.position()) < 0) {
                throw new IOException("it became shorter while it was read");
            }
        }
        return piece.flip();
    }

    /** The tensors' names, for messages. */
    @Override
    public String toString() {
        List<String> lines = new ArrayList<>();
        tensors.forEach((name, tensor) -> lines.add(name + " " + tensor));
        return "safetensors " + lines + " " + metadata;
    }
}
