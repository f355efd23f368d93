package dev.sluice.actors.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.SupervisorMessage.StateNotSaved;
import java.nio.file.FileAlreadyExistsException;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class SavingTest {
    private static final ActorTestKit KIT = ActorTestKit.create();

    @AfterAll
    static void stop() {
        KIT.shutdownTestKit();
    }

    @Test
    void whyAPartCouldNotBeWrittenIsSaidWhereJavaSaysNothingButTheFile() {
        TestProbe<SupervisorMessage> supervisor = KIT.createTestProbe();

        new Saving(supervisor.ref(), 1, Role.CRITIC, 2, 5).with(() -> {
            throw new FileAlreadyExistsException("run/checkpoints");
        });

        assertThat(supervisor.expectMessageClass(StateNotSaved.class).reason())
                .isEqualTo("run/checkpoints (FileAlreadyExists)");
    }
}
