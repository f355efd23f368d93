package dev.sluice.actors.cli;

import dev.sluice.runtime.store.AtomicFile;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** When and by which command a network was made: what its file and the note beside it say of that. */
final class Training {
    private final String command;
    private final long begun = System.nanoTime();

    /** Begins now. */
    Training(String command) {
        this.command = command;
    }

    /** Command, date and how long it took until now. */
    Map<String, String> provenance() {
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        Map<String, String> provenance = new LinkedHashMap<>();
        provenance.put("command", command);
        provenance.put("date", LocalDate.now().toString());
        provenance.put("took", String.format(Locale.ROOT, "%d min %d s", took.toMinutes(), took.toSecondsPart()));
        return provenance;
    }

    /** Writes {@code <file>.txt}: how the file was made, for a reader who has only the folder. */
    static void note(Path file, Map<String, String> provenance) throws IOException {
        StringBuilder text = new StringBuilder("How " + file.getFileName() + " was made\n\n");
        provenance.forEach(
                (key, value) -> text.append(key).append(": ").append(value).append('\n'));
        text.append("sha256: ").append(Sha256.of(file)).append('\n');
        AtomicFile.write(
                Path.of(file + ".txt"), stream -> stream.write(text.toString().getBytes(StandardCharsets.UTF_8)));
    }
}
