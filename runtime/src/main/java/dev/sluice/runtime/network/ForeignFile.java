package dev.sluice.runtime.network;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** What was given in place of a network file, and how to get to one: one sentence each. */
final class ForeignFile {
    static final String MEND =
            "save it with torch.jit.save(torch.jit.script(model.eval()), …), as docs/networks.md describes";

    private ForeignFile() {}

    /** For a path that nothing is at. */
    static String absent(Path file) {
        String path = file.toString().toLowerCase(Locale.ROOT);
        // Paths have lost one of the two slashes.
        return path.matches(".*\\b(https?|s3|gs|hf|ftp|file):/.*")
                ? "URLs are not read; download the file and give its path"
                : "there is no such network file";
    }

    static String notRegular(Path file) {
        return Files.isDirectory(file) ? "a folder, not a network file; give the .pt file in it" : "not a regular file";
    }

    /** What a file is that is no TorchScript file; empty where that is not plain. */
    static Optional<String> what(Path file) {
        byte[] head;
        try (InputStream in = Files.newInputStream(file)) {
            head = in.readNBytes(512);
        } catch (IOException e) {
            return Optional.empty();
        }
        return Optional.ofNullable(what(head));
    }

    private static String what(byte[] head) {
        if (head.length == 0) {
            return "an empty file; the download or copy failed: get it again";
        }
        String text = new String(head, StandardCharsets.ISO_8859_1);
        String start = text.stripLeading().toLowerCase(Locale.ROOT);
        if (text.startsWith("version https://git-lfs")) {
            return "a pointer of Git LFS, not the file itself; fetch it with git lfs pull";
        }
        if (start.startsWith("<!doctype") || start.startsWith("<html") || start.startsWith("<?xml")) {
            return "a web page, not a network file; download the file itself";
        }
        if (head.length > 8 && head[8] == '{' && head[7] == 0 && head[6] == 0 && head[5] == 0) {
            return "weights alone (safetensors) without the network; load them into the model and " + MEND;
        }
        if (unsigned(head, 0) == 0x1f && unsigned(head, 1) == 0x8b) {
            return "packed with gzip; unpack it with gunzip";
        }
        if (unsigned(head, 0) == 0x80 && unsigned(head, 1) >= 2 && unsigned(head, 1) <= 5) {
            return "a pickle of torch.save's old format, not a TorchScript file; load it and " + MEND;
        }
        return null;
    }

    /** What a zip of PyTorch's is that has no code. */
    static String withoutCode(ModuleArchive archive) {
        if (archive.find("data.pkl").isEmpty()) {
            return "a zip, but not a TorchScript file; load the model and " + MEND;
        }
        ModuleArchive.Entry pickle = archive.find("data.pkl").get();
        byte[] head = archive.content(pickle, 64 << 20);
        String start = new String(head, 0, Math.min(head.length, 256), StandardCharsets.ISO_8859_1);
        int global = start.indexOf('c');
        boolean weights = start.startsWith("ccollections\nOrderedDict", 2) || global < 0 || start.startsWith("}", 2);
        return weights
                ? "weights alone (a state_dict of torch.save) without the network; load them into the model and " + MEND
                : "a pickled Python object of torch.save, not a TorchScript file; load it and " + MEND;
    }

    private static int unsigned(byte[] bytes, int at) {
        return at < bytes.length ? bytes[at] & 0xff : -1;
    }
}
