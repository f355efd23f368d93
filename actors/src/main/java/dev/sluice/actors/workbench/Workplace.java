package dev.sluice.actors.workbench;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.runtime.network.Networks;
import java.time.Duration;
import org.apache.pekko.actor.typed.DispatcherSelector;

/**
 * What a node gives to a role that it plays.
 *
 * @param networks on the device that the role was ordered to
 * @param pinned dispatcher of the thread that computes
 * @param workWithin after which a worker that is still at the same piece of work counts as stuck
 * @param courier that batches go by
 */
public record Workplace(Networks networks, DispatcherSelector pinned, Duration workWithin, Courier courier) {}
