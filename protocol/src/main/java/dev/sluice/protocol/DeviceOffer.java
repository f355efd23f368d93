package dev.sluice.protocol;

/**
 * A device that a node offers to roles; the supervisor assigns each role one.
 *
 * @param name {@code cpu}, {@code gpu:0} …
 * @param memoryBytes that it has in all; 0 when that is not known
 * @param trainers that compute on it now; teachers and samplers share
 */
public record DeviceOffer(String name, long memoryBytes, int trainers) {}
