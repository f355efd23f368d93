package dev.sluice.actors.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.fake.SmallRun;
import dev.sluice.actors.node.RoleKeys;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.TeacherMessage;
import java.util.Set;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class CastTest {
    private static ActorTestKit kit;

    private final ActorRef<GeneratorMessage> generator =
            kit.<GeneratorMessage>createTestProbe("generator").getRef();
    private final ActorRef<CriticMessage> critic =
            kit.<CriticMessage>createTestProbe("critic").getRef();
    private final ActorRef<SamplerMessage> sampler =
            kit.<SamplerMessage>createTestProbe("sampler").getRef();
    private final ActorRef<TeacherMessage> firstTeacher =
            kit.<TeacherMessage>createTestProbe("a-teacher").getRef();
    private final ActorRef<TeacherMessage> secondTeacher =
            kit.<TeacherMessage>createTestProbe("b-teacher").getRef();
    private final Cast.Call call = new Cast.Call();

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(SmallRun.config());
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    private <M> void hear(ServiceKey<M> key, Set<ActorRef<M>> offers) {
        call.heard(Receptionist.listing(key, offers));
    }

    private void hearEverybody() {
        hear(RoleKeys.GENERATOR, Set.of(generator));
        hear(RoleKeys.CRITIC, Set.of(critic));
        hear(RoleKeys.SAMPLER, Set.of(sampler));
        hear(RoleKeys.TEACHER, Set.of(secondTeacher, firstTeacher));
    }

    @Test
    void rolesThatNobodyOffersAreMissing() {
        assertThat(call.missing()).containsExactly(Role.GENERATOR, Role.CRITIC, Role.TEACHER, Role.SAMPLER);
        hear(RoleKeys.CRITIC, Set.of(critic));
        hear(RoleKeys.SAMPLER, Set.of());

        assertThat(call.missing()).containsExactly(Role.GENERATOR, Role.TEACHER, Role.SAMPLER);
    }

    @Test
    void anOfferThatIsTakenBackIsMissingAgain() {
        hearEverybody();
        assertThat(call.missing()).isEmpty();

        hear(RoleKeys.CRITIC, Set.of());

        assertThat(call.missing()).containsExactly(Role.CRITIC);
    }

    @Test
    void everyTeacherPlaysInTheOrderOfItsPath() {
        hearEverybody();

        assertThat(call.cast().teachers()).containsExactly(firstTeacher, secondTeacher);
    }

    @Test
    void ofSeveralGeneratorsTheFirstByPathPlays() {
        hearEverybody();
        ActorRef<GeneratorMessage> earlier =
                kit.<GeneratorMessage>createTestProbe("a-generator").getRef();
        hear(RoleKeys.GENERATOR, Set.of(generator, earlier));

        assertThat(call.cast().generator()).isEqualTo(earlier);
        assertThat(call.cast().roleOf(generator)).isEmpty();
    }

    @Test
    void everybodysRoleIsKnownAndNobodyElses() {
        hearEverybody();
        Cast cast = call.cast();

        assertThat(cast.everybody())
                .map(actor -> cast.roleOf(actor).orElseThrow())
                .containsExactlyInAnyOrder(Role.TEACHER, Role.TEACHER, Role.GENERATOR, Role.CRITIC, Role.SAMPLER);
        assertThat(cast.roleOf(kit.createTestProbe().getRef())).isEmpty();
    }
}
