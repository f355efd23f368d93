package dev.sluice.runtime.checkpoint;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.file.Durable;
import dev.sluice.runtime.network.TrainingState;
import dev.sluice.runtime.store.RunFiles;
import dev.sluice.runtime.store.Safetensors;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A {@link TrainingState} as a safetensors file: tensors {@code weight/NAME}, {@code average/NAME},
 * {@code first-moment/NAME}, {@code second-moment/NAME}; in the metadata whose it is, where it stands and the
 * optimizer's steps.
 */
public final class StateFile {
    private static final String WEIGHT = "weight/";
    private static final String AVERAGE = "average/";
    private static final String FIRST = "first-moment/";
    private static final String SECOND = "second-moment/";

    private StateFile() {}

    /**
     * Writes a state, atomically, and makes its folder.
     *
     * @param cycle that comes next
     * @throws IOException when it cannot be written; what was at {@code file} before is untouched
     */
    public static StateRef write(Path file, Role role, int phase, int cycle, TrainingState state) throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        state.weights().forEach((name, tensor) -> tensors.put(WEIGHT + name, tensor));
        state.average().forEach((name, tensor) -> tensors.put(AVERAGE + name, tensor));
        state.firstMoment().forEach((name, tensor) -> tensors.put(FIRST + name, tensor));
        state.secondMoment().forEach((name, tensor) -> tensors.put(SECOND + name, tensor));
        Map<String, String> metadata = identity(role, phase, cycle);
        metadata.put("steps", Long.toString(state.steps()));
        Durable.folder(file.toAbsolutePath().getParent());
        new Safetensors(tensors, metadata).write(file);
        return new StateRef(
                role,
                phase,
                cycle,
                Sha256.of(file),
                Files.size(file),
                file.toAbsolutePath().normalize().toString());
    }

    /**
     * Reads the state that {@code ref} names.
     *
     * @throws CheckpointException when the file is missing, torn, or not the one that was written
     */
    public static TrainingState read(StateRef ref) {
        Path file = Path.of(ref.path());
        verify(ref);
        Safetensors content;
        try {
            content = Safetensors.read(file);
        } catch (IOException e) {
            throw new CheckpointException(file, e.getMessage(), e);
        }
        identity(ref.role(), ref.phase(), ref.cycle()).forEach((key, value) -> {
            String found = content.metadata().get(key);
            if (!value.equals(found)) {
                throw new CheckpointException(file, "its " + key + " is " + found + ", expected " + value);
            }
        });
        return new TrainingState(
                steps(file, content.metadata().get("steps")),
                under(WEIGHT, content),
                under(AVERAGE, content),
                under(FIRST, content),
                under(SECOND, content));
    }

    /**
     * Reads the state that {@code ref} names from wherever the store is.
     *
     * @throws CheckpointException when it cannot be had, or as for {@link #read(StateRef)}
     */
    public static TrainingState read(StateRef ref, RunFiles files) {
        try {
            return files.read(ref, StateFile::read);
        } catch (IOException e) {
            throw new CheckpointException(Path.of(ref.path()), "cannot be had: " + e.getMessage(), e);
        }
    }

    /**
     * Checks that the file is there, whole and unaltered.
     *
     * @throws CheckpointException when it is not
     */
    static void verify(StateRef ref) {
        Path file = Path.of(ref.path());
        try {
            if (!Files.isRegularFile(file)) {
                throw new CheckpointException(file, "is missing");
            }
            if (Files.size(file) != ref.size()) {
                throw new CheckpointException(
                        file, "is torn: it has " + Files.size(file) + " bytes, expected " + ref.size());
            }
            String sha256 = Sha256.of(file);
            if (!sha256.equals(ref.sha256())) {
                throw new CheckpointException(
                        file, "was altered: its SHA-256 is " + sha256 + ", expected " + ref.sha256());
            }
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read: " + e, e);
        }
    }

    private static Map<String, String> identity(Role role, int phase, int cycle) {
        Map<String, String> identity = new LinkedHashMap<>();
        identity.put("role", role.key());
        identity.put("phase", Integer.toString(phase));
        identity.put("cycle", Integer.toString(cycle));
        return identity;
    }

    private static long steps(Path file, String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new CheckpointException(file, "its number of steps is " + text, e);
        }
    }

    private static Map<String, Tensor> under(String prefix, Safetensors content) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        content.tensors().forEach((name, tensor) -> {
            if (name.startsWith(prefix)) {
                tensors.put(name.substring(prefix.length()), tensor);
            }
        });
        return tensors;
    }
}
