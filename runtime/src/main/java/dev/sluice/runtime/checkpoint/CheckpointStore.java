package dev.sluice.runtime.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.store.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The checkpoints of one run: {@code checkpoints/phase-<k>-cycle-<c>/} with a part for every trainer and, last,
 * {@code manifest.json}. Paths in the manifest are relative to the run's folder, so that a run may be moved.
 *
 * <p>Immutable and stateless: what is on the disk is the truth. One process writes at a time.
 */
public final class CheckpointStore {
    private static final String MANIFEST = "manifest.json";
    private static final Pattern FOLDER = Pattern.compile("phase-(\\d{1,9})-cycle-(\\d{1,9})");
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();

    private final Path run;
    private final Path folder;

    /** A checkpoint that cannot be used, and why. */
    public record Ignored(String name, String reason) {}

    /**
     * What a search found.
     *
     * @param ignored newer than {@code newest}, newest first
     */
    public record Found(Optional<Checkpoint> newest, List<Ignored> ignored) {
        public Found {
            ignored = List.copyOf(ignored);
        }
    }

    private record Place(Path path, int phase, int cycle) {
        static final Comparator<Place> NEWEST_FIRST = Comparator.comparingInt(Place::phase)
                .thenComparingInt(Place::cycle)
                .reversed();

        boolean isComplete() {
            return Files.exists(path.resolve(MANIFEST));
        }
    }

    /**
     * @param run the run's folder
     * @param folder of the checkpoints, in {@code run}
     */
    public CheckpointStore(Path run, Path folder) {
        this.run = run.toAbsolutePath().normalize();
        this.folder = folder.toAbsolutePath().normalize();
    }

    /** Where a trainer writes its part of the checkpoint at {@code cycle}. */
    public Path part(int phase, int cycle, Role role) {
        return place(phase, cycle).resolve(role.key() + ".safetensors");
    }

    /**
     * Makes a checkpoint of the parts that are there.
     *
     * @throws CheckpointException when a part is not there whole
     * @throws IOException when the manifest cannot be written; older checkpoints are untouched
     */
    public void complete(Checkpoint checkpoint) throws IOException {
        StateFile.verify(checkpoint.generator());
        StateFile.verify(checkpoint.critic());
        Checkpoint portable =
                withPaths(checkpoint, path -> run.relativize(Path.of(path)).toString());
        AtomicFile.write(
                place(checkpoint.phase(), checkpoint.cycle()).resolve(MANIFEST), out -> JSON.writeValue(out, portable));
    }

    /**
     * The newest checkpoint whose files are all there and whole and that {@code objection} has nothing against.
     *
     * @param objection why a checkpoint that is whole cannot be used; empty when it can
     * @throws IOException when the folder cannot be read
     */
    public Found newest(Function<Checkpoint, Optional<String>> objection) throws IOException {
        List<Ignored> ignored = new ArrayList<>();
        for (Place place : places()) {
            String name = place.path().getFileName().toString();
            try {
                Checkpoint checkpoint = read(place);
                Optional<String> against = objection.apply(checkpoint);
                if (against.isEmpty()) {
                    return new Found(Optional.of(checkpoint), ignored);
                }
                ignored.add(new Ignored(name, against.get()));
            } catch (CheckpointException e) {
                ignored.add(new Ignored(name, e.getMessage()));
            }
        }
        return new Found(Optional.empty(), ignored);
    }

    private Checkpoint read(Place place) {
        Path manifest = place.path().resolve(MANIFEST);
        if (!place.isComplete()) {
            throw new CheckpointException(place.path(), "was not finished: it has no " + MANIFEST);
        }
        Checkpoint checkpoint;
        try {
            checkpoint = withPaths(
                    JSON.readValue(Files.readAllBytes(manifest), Checkpoint.class),
                    path -> run.resolve(path).normalize().toString());
        } catch (JsonProcessingException | RuntimeException e) {
            throw new CheckpointException(manifest, "is not a manifest: " + firstLine(e), e);
        } catch (IOException e) {
            throw new CheckpointException(manifest, "cannot be read: " + e, e);
        }
        if (checkpoint.phase() != place.phase() || checkpoint.cycle() != place.cycle()) {
            throw new CheckpointException(
                    manifest, "is of phase " + checkpoint.phase() + ", cycle " + checkpoint.cycle());
        }
        StateFile.verify(checkpoint.generator());
        StateFile.verify(checkpoint.critic());
        checkpoint.experts().forEach(CheckpointStore::verify);
        return checkpoint;
    }

    private static void verify(ExpertRef expert) {
        Path file = Path.of(expert.path());
        if (!Files.isRegularFile(file)) {
            throw new CheckpointException(file, "is missing");
        }
        String sha256 = NetworkFile.reference(expert.version(), file).sha256();
        if (!sha256.equals(expert.sha256())) {
            throw new CheckpointException(
                    file, "was altered: its SHA-256 is " + sha256 + ", expected " + expert.sha256());
        }
    }

    /**
     * Deletes what {@code newest} made superfluous: unfinished ones, older ones but for {@code keep} complete in all, and
     * later ones, which are from before the run was gone back.
     *
     * @throws IOException when something cannot be deleted; what stays is tried again the next time
     */
    public void forgetAllBut(int keep, Checkpoint newest) throws IOException {
        int complete = 0;
        for (Place place : places()) {
            boolean later = place.phase() > newest.phase()
                    || (place.phase() == newest.phase() && place.cycle() > newest.cycle());
            if (later || !place.isComplete() || ++complete > keep) {
                forget(place);
            }
        }
    }

    /** The manifest first: half a checkpoint must not look whole. */
    private static void forget(Place place) throws IOException {
        Files.deleteIfExists(place.path().resolve(MANIFEST));
        try (Stream<Path> files = Files.list(place.path())) {
            for (Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(place.path());
    }

    /** Newest first. */
    private List<Place> places() throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        List<Place> places = new ArrayList<>();
        try (Stream<Path> entries = Files.list(folder)) {
            for (Path entry : entries.toList()) {
                Matcher name = FOLDER.matcher(entry.getFileName().toString());
                if (name.matches() && Files.isDirectory(entry)) {
                    places.add(new Place(entry, Integer.parseInt(name.group(1)), Integer.parseInt(name.group(2))));
                }
            }
        }
        places.sort(Place.NEWEST_FIRST);
        return places;
    }

    private Path place(int phase, int cycle) {
        return folder.resolve("phase-" + phase + "-cycle-" + cycle);
    }

    private static Checkpoint withPaths(Checkpoint c, Function<String, String> path) {
        return new Checkpoint(
                c.epoch(),
                c.skippedInARow(),
                c.elapsedMillis(),
                c.teacherSha256(),
                c.configuration(),
                c.experts().stream()
                        .map(e -> new ExpertRef(e.version(), e.sha256(), e.size(), path.apply(e.path())))
                        .toList(),
                withPath(c.generator(), path),
                withPath(c.critic(), path));
    }

    private static StateRef withPath(StateRef s, Function<String, String> path) {
        return new StateRef(s.role(), s.phase(), s.cycle(), s.sha256(), s.size(), path.apply(s.path()));
    }

    private static String firstLine(Exception e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }
}
