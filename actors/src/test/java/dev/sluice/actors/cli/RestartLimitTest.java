package dev.sluice.actors.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.Role;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RestartLimitTest {
    private static final Duration SHORT = Duration.ofSeconds(45);

    private final AtomicInteger checkpoints = new AtomicInteger();
    private final RestartLimit limit = new RestartLimit(checkpoints::get);

    private long millis(Role role, Duration lived) {
        return limit.died(role, lived).map(Duration::toMillis).orElse(-1L);
    }

    @Test
    void whatDiesAgainAndAgainWaitsLongerAndIsGivenUpHoweverLateItDies() {
        assertThat(millis(Role.CRITIC, SHORT)).isEqualTo(500);
        assertThat(millis(Role.CRITIC, SHORT)).isEqualTo(1000);
        assertThat(millis(Role.CRITIC, SHORT)).isEqualTo(2000);
        assertThat(millis(Role.CRITIC, SHORT)).isEqualTo(4000);
        assertThat(millis(Role.CRITIC, SHORT)).isEqualTo(-1);
    }

    @Test
    void aCheckpointBetweenTwoDeathsForgivesTheFirst() {
        for (int i = 0; i < 20; i++) {
            assertThat(millis(Role.GENERATOR, SHORT)).isEqualTo(500);
            checkpoints.incrementAndGet();
        }
    }

    @Test
    void aProcessThatLivedLongWasWell() {
        for (int i = 0; i < 20; i++) {
            assertThat(millis(Role.SAMPLER, RestartLimit.LONG_LIFE)).isEqualTo(500);
        }
    }

    @Test
    void eachRoleHasItsOwn() {
        for (int i = 0; i < RestartLimit.MOST - 1; i++) {
            for (Role role : Role.values()) {
                assertThat(millis(role, SHORT)).isEqualTo(500L << i);
            }
        }
    }

    @Test
    void whoWasKilledIsSaidToBe() {
        assertThat(LocalCluster.ended(Role.CRITIC, 137))
                .startsWith("the critic's process ended with 137")
                .contains("SIGKILL", "memory");
        assertThat(LocalCluster.ended(Role.CRITIC, 75)).isEqualTo("the critic's process ended with 75");
    }
}
