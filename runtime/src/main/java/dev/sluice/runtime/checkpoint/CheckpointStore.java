package dev.sluice.runtime.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.file.Durable;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
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
 * {@code manifest.json}. Paths in the manifest are relative to the run's folder, so that a run may be moved. Folders of
 * other names, such as those that were set aside, are not looked at.
 *
 * <p>Immutable and stateless: what is on the disk is the truth. One process writes at a time.
 */
public final class CheckpointStore {
    private static final String MANIFEST = "manifest.json";
    /** One of thousands of keys and experts has some hundred kilobytes. */
    private static final long LARGEST_MANIFEST = 16 << 20;

    private static final Pattern FOLDER = Pattern.compile("phase-(\\d{1,9})-cycle-(\\d{1,9})");
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();

    private final Path run;
    private final Path folder;

    /** What is in the way of using a checkpoint. */
    public enum Fault {
        /** Its manifest was never written: it was not finished, and is none. The next one that is kept removes it. */
        UNFINISHED,
        /** A file of its own is missing, torn or altered. */
        DAMAGED,
        /** It is whole, but an expert that it stands on is missing or altered. */
        EXPERT,
        /** Its files are whole, and the caller objects to it. */
        OBJECTION
    }

    /**
     * A checkpoint that cannot be used, and why.
     *
     * @param name of its folder
     */
    public record Ignored(String name, Fault fault, String reason) {
        /** What a hostile manifest says must not fill the log. */
        private static final int LONGEST_REASON = 1000;

        public Ignored {
            reason = reason.length() <= LONGEST_REASON ? reason : reason.substring(0, LONGEST_REASON) + "…";
        }
    }

    /**
     * What a search found.
     *
     * @param ignored newer than {@code newest}, newest first
     */
    public record Found(Optional<Checkpoint> newest, List<Ignored> ignored) {
        public Found {
            ignored = List.copyOf(ignored);
        }

        /**
         * What only the user can decide about, because going on from {@code newest}, or from the beginning, would throw work
         * away that a mended file brings back: an expert that newer checkpoints stand on is hurt, or every checkpoint is.
         */
        public Optional<Ignored> undecided() {
            return ignored.stream()
                    .filter(i -> i.fault() == Fault.EXPERT || newest.isEmpty() && i.fault() == Fault.DAMAGED)
                    .findFirst();
        }
    }

    /** An expert that a checkpoint stands on is not the one that it names. */
    private static final class ExpertFault extends Exception {
        private static final long serialVersionUID = 1L;

        ExpertFault(String message) {
            super(message);
        }
    }

    private record Place(Path path, int phase, int cycle) {
        static final Comparator<Place> NEWEST_FIRST = Comparator.comparingInt(Place::phase)
                .thenComparingInt(Place::cycle)
                .reversed();

        String name() {
            return path.getFileName().toString();
        }

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
        Durable.write(
                place(checkpoint.phase(), checkpoint.cycle()).resolve(MANIFEST), out -> JSON.writeValue(out, portable));
    }

    /**
     * The newest checkpoint whose files are all there and whole and that {@code objection} has nothing against. Changes
     * nothing.
     *
     * @param objection why a checkpoint that is whole cannot be used; empty when it can
     * @throws IOException when the folder cannot be read
     */
    public Found newest(Function<Checkpoint, Optional<String>> objection) throws IOException {
        List<Ignored> ignored = new ArrayList<>();
        for (Place place : places()) {
            String name = place.name();
            try {
                Checkpoint checkpoint = read(place);
                Optional<String> against = objection.apply(checkpoint);
                if (against.isPresent()) {
                    ignored.add(new Ignored(name, Fault.OBJECTION, against.get()));
                    continue;
                }
                verifyExperts(checkpoint);
                return new Found(Optional.of(checkpoint), ignored);
            } catch (ExpertFault e) {
                ignored.add(new Ignored(name, Fault.EXPERT, e.getMessage()));
            } catch (CheckpointException e) {
                ignored.add(new Ignored(name, place.isComplete() ? Fault.DAMAGED : Fault.UNFINISHED, e.getMessage()));
            }
        }
        return new Found(Optional.empty(), ignored);
    }

    /** What every manifest that reads says, newest first, whether or not the files that it names are whole. */
    public List<Checkpoint> manifests() throws IOException {
        List<Checkpoint> manifests = new ArrayList<>();
        for (Place place : places()) {
            try {
                manifests.add(manifest(place));
            } catch (CheckpointException e) {
                // It says nothing.
            }
        }
        return manifests;
    }

    /**
     * Puts a checkpoint that was ignored out of the way, as {@code NAME.ignored}: it is not looked at any more, nor deleted.
     * One that was never finished stays where it is.
     *
     * @return what it is called now, when that is something else
     * @throws IOException when it cannot be renamed
     */
    public Optional<Path> setAside(Ignored ignored) throws IOException {
        Path place = folder.resolve(ignored.name());
        return ignored.fault() == Fault.UNFINISHED || !Files.isDirectory(place)
                ? Optional.empty()
                : Optional.of(aside(place));
    }

    /**
     * Renames a file or folder to {@code NAME.ignored}, or {@code NAME.ignored-N} where there is such a one.
     *
     * @return its new path
     * @throws IOException when it cannot be renamed
     */
    public static Path aside(Path path) throws IOException {
        String name = path.getFileName() + ".ignored";
        Path to = path.resolveSibling(name);
        for (int n = 2; Files.exists(to, LinkOption.NOFOLLOW_LINKS); n++) {
            to = path.resolveSibling(name + "-" + n);
        }
        Durable.rename(path, to);
        return to;
    }

    private Checkpoint read(Place place) {
        Checkpoint checkpoint = manifest(place);
        StateFile.verify(checkpoint.generator());
        StateFile.verify(checkpoint.critic());
        return checkpoint;
    }

    private Checkpoint manifest(Place place) {
        Path manifest = place.path().resolve(MANIFEST);
        if (!place.isComplete()) {
            throw new CheckpointException(place.path(), "was not finished: it has no " + MANIFEST);
        }
        Checkpoint checkpoint;
        try {
            if (!Files.isRegularFile(manifest)) {
                // To open a pipe could wait for ever.
                throw new CheckpointException(manifest, "is not a file");
            }
            if (Files.size(manifest) > LARGEST_MANIFEST) {
                throw new CheckpointException(manifest, "is not a manifest: it has " + Files.size(manifest) + " bytes");
            }
            checkpoint = withPaths(JSON.readValue(Files.readAllBytes(manifest), Checkpoint.class), this::inRun);
        } catch (CheckpointException e) {
            throw e;
        } catch (JsonProcessingException | RuntimeException e) {
            throw new CheckpointException(manifest, "is not a manifest: " + firstLine(e), e);
        } catch (IOException e) {
            throw new CheckpointException(manifest, "cannot be read: " + e, e);
        }
        if (checkpoint.phase() != place.phase() || checkpoint.cycle() != place.cycle()) {
            throw new CheckpointException(
                    manifest, "is of phase " + checkpoint.phase() + ", cycle " + checkpoint.cycle());
        }
        return checkpoint;
    }

    private String inRun(String path) {
        Path file = run.resolve(path).normalize();
        if (!file.startsWith(run)) {
            throw new IllegalArgumentException("it names " + path + ", outside of the run's folder");
        }
        return file.toString();
    }

    private static void verifyExperts(Checkpoint checkpoint) throws ExpertFault {
        for (ExpertRef expert : checkpoint.experts()) {
            Path file = Path.of(expert.path());
            if (!Files.isRegularFile(file)) {
                throw new ExpertFault(file + ": is missing");
            }
            String sha256;
            try {
                sha256 = Sha256.of(file);
            } catch (IOException e) {
                throw new ExpertFault(file + ": cannot be read: " + e);
            }
            if (!sha256.equals(expert.sha256())) {
                throw new ExpertFault(
                        file + ": was altered: its SHA-256 is " + sha256 + ", expected " + expert.sha256());
            }
        }
    }

    /**
     * Deletes what {@code newest} made superfluous: unfinished ones, and older ones but for {@code keep} usable in all. What
     * is hurt, and what is later although it is complete, is set aside and counts for nothing: nobody but the user
     * deletes it.
     *
     * @throws IOException when something cannot be deleted; what stays is tried again the next time
     */
    public void forgetAllBut(int keep, Checkpoint newest) throws IOException {
        int usable = 0;
        for (Place place : places()) {
            boolean later = place.phase() > newest.phase()
                    || (place.phase() == newest.phase() && place.cycle() > newest.cycle());
            if (!place.isComplete()) {
                forget(place);
            } else if (later || !looksWhole(place)) {
                aside(place.path());
            } else if (++usable > keep) {
                forget(place);
            }
        }
    }

    /** As far as can be seen without reading gigabytes: everything is there and has its size. */
    private boolean looksWhole(Place place) {
        try {
            Checkpoint checkpoint = manifest(place);
            return isThere(checkpoint.generator()) && isThere(checkpoint.critic());
        } catch (CheckpointException | IOException e) {
            return false;
        }
    }

    private static boolean isThere(StateRef part) throws IOException {
        Path file = Path.of(part.path());
        return Files.isRegularFile(file) && Files.size(file) == part.size();
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
