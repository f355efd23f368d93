package dev.sluice.runtime.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.TrainingState;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** A checkpoint whose manifest or part is hurt in any way is used as it was or ignored with a reason; nothing else. */
class HostileCheckpointTest {
    private static final List<String> LIES = List.of(
            "\"epoch\" : -1,",
            "\"epoch\" : 2147483647,",
            "\"size\" : -1,",
            "\"path\" : \"/dev/zero\",",
            "\"path\" : \"\\u0000\",",
            "\"path\" : \"../../../../etc/passwd\",",
            "\"phase\" : 2147483647,",
            "\"role\" : \"control\",",
            "\"experts\" : [ null ],",
            "null",
            "[".repeat(5000));

    private static Path run;
    private static CheckpointStore store;
    private static Checkpoint whole;
    private static Path manifest;
    private static byte[] manifestBytes;
    private static byte[] partBytes;

    @BeforeContainer
    static void wholeCheckpoint() throws IOException {
        run = Files.createTempDirectory("sluice-checkpoint-");
        store = new CheckpointStore(run, run.resolve("checkpoints"));
        Path expert = Files.createDirectories(run.resolve("experts")).resolve("phase-1.pt");
        Files.writeString(expert, "an expert");
        whole = new Checkpoint(
                3,
                0,
                1234,
                "teacher",
                Map.of("experiment.recipe.seed", "1"),
                List.of(new ExpertRef("phase-1", Sha256.of(expert), Files.size(expert), expert.toString())),
                write(Role.GENERATOR),
                write(Role.CRITIC));
        store.complete(whole);
        manifest = run.resolve("checkpoints/phase-2-cycle-7/manifest.json");
        manifestBytes = Files.readAllBytes(manifest);
        partBytes = Files.readAllBytes(Path.of(whole.critic().path()));
    }

    private static StateRef write(Role role) throws IOException {
        Map<String, Tensor> one = Map.of("w", Tensor.of(new float[] {1, 2}, 2), "b", Tensor.of(new float[] {3}, 1));
        return StateFile.write(store.part(2, 7, role), role, 2, 7, new TrainingState(7, one, one, one, one));
    }

    @AfterContainer
    static void clear() throws IOException {
        try (Stream<Path> files = Files.walk(run)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Property(tries = 10_000)
    void anyManifest(@ForAll long seed) throws IOException {
        Files.write(manifest, hurt(manifestBytes, new Random(seed)));

        CheckpointStore.Found found = store.newest(checkpoint -> Optional.empty());

        if (found.newest().isPresent()) {
            assertThat(found.newest().get().generator()).isEqualTo(whole.generator());
            assertThat(found.newest().get().critic()).isEqualTo(whole.critic());
        } else {
            assertThat(found.ignored()).singleElement().satisfies(ignored -> assertThat(ignored.reason())
                    .isNotBlank()
                    .hasSizeLessThan(2000));
        }
        assertThat(store.manifests()).hasSizeLessThan(2);
    }

    @Property(tries = 10_000)
    void anyPartThatItsReferenceNames(@ForAll long seed) throws IOException {
        Path file = Path.of(whole.critic().path());
        byte[] hurt = hurt(partBytes, new Random(seed));
        Files.write(file, hurt);
        // Whoever could hurt the file could have named it, too: past the digest, the content decides.
        StateRef ref = new StateRef(Role.CRITIC, 2, 7, Sha256.of(hurt), hurt.length, file.toString());
        try {
            assertThat(StateFile.read(ref)).isNotNull();
        } catch (CheckpointException e) {
            assertThat(e).hasMessageStartingWith(file + ": ");
        }
    }

    /** One to four injuries. */
    private static byte[] hurt(byte[] content, Random random) {
        byte[] bytes = content.clone();
        for (int i = random.nextInt(4); i >= 0; i--) {
            int at = random.nextInt(bytes.length + 1);
            switch (random.nextInt(5)) {
                case 0 -> bytes = Arrays.copyOf(bytes, at);
                case 1 -> bytes = splice(bytes, at, LIES.get(random.nextInt(LIES.size())));
                case 2 -> bytes = splice(bytes, at, new String(bytes, 0, at / 4, StandardCharsets.ISO_8859_1));
                case 3 -> Arrays.fill(bytes, at, Math.min(bytes.length, at + random.nextInt(64)), (byte) -1);
                default -> {
                    if (at < bytes.length) {
                        bytes[at] ^= (byte) (1 << random.nextInt(8));
                    }
                }
            }
        }
        return bytes;
    }

    private static byte[] splice(byte[] into, int at, String text) {
        byte[] piece = text.getBytes(StandardCharsets.ISO_8859_1);
        byte[] spliced = Arrays.copyOf(into, into.length + piece.length);
        System.arraycopy(into, at, spliced, at + piece.length, into.length - at);
        System.arraycopy(piece, 0, spliced, at, piece.length);
        return spliced;
    }
}
