package dev.sluice.protocol;

/**
 * Names a trainer's part of a checkpoint without carrying its bytes.
 *
 * @param role generator or critic
 * @param phase counted from 1
 * @param cycle that comes next: so many cycles of the phase are in the state
 * @param sha256 of the file's bytes, lower-case hex
 * @param size of the file in bytes
 * @param path where the shared store holds it, absolute
 */
public record StateRef(Role role, int phase, int cycle, String sha256, long size, String path)
        implements FileRef<StateRef> {
    @Override
    public StateRef at(String elsewhere) {
        return new StateRef(role, phase, cycle, sha256, size, elsewhere);
    }
}
