package dev.sluice.protocol;

import java.util.Locale;

/** What a node may do in a run; also the cluster roles' names. */
public enum Role {
    GENERATOR,
    CRITIC,
    TEACHER,
    SAMPLER,
    /** Supervises, records and speaks HTTP. */
    CONTROL;

    /** As written in configuration and cluster roles. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
