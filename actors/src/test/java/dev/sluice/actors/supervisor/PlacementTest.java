package dev.sluice.actors.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.DeviceOffer;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Which device of which node the roles are ordered to. */
class PlacementTest {
    private static final List<Role> ALL = List.of(Role.GENERATOR, Role.CRITIC, Role.TEACHER, Role.SAMPLER);
    private static final long GIB = 1L << 30;

    private static ActorTestKit kit;

    private Stage stage;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(ManualTime.config());
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @AfterEach
    void stop() {
        stage.stop();
    }

    /** A node that answers no order: what it was asked is what the supervisor wants with nothing but its offer known. */
    private TestProbe<NodeMessage> node() {
        return kit.createTestProbe();
    }

    private void offer(TestProbe<NodeMessage> node, String name, List<Role> roles, DeviceOffer... devices) {
        stage.tell(new SupervisorMessage.NodeOffer(node.getRef(), name, roles, List.of(devices), false));
    }

    private static Map<Role, String> ordered(TestProbe<NodeMessage> node, int orders) {
        Map<Role, String> devices = new EnumMap<>(Role.class);
        for (int i = 0; i < orders; i++) {
            NodeMessage.Play play = node.expectMessageClass(NodeMessage.Play.class);
            devices.put(play.role(), play.device());
        }
        return devices;
    }

    @Test
    void twoDevicesOfANodeAreUsedAsTwo() {
        stage = new Stage(kit);
        TestProbe<NodeMessage> node = node();
        offer(node, "a", ALL, new DeviceOffer("gpu:0", 80 * GIB, 0), new DeviceOffer("gpu:1", 80 * GIB, 0));

        Map<Role, String> devices = ordered(node, 4);

        assertThat(devices.get(Role.GENERATOR)).isNotEqualTo(devices.get(Role.CRITIC));
        assertThat(devices.get(Role.TEACHER)).isNotEqualTo(devices.get(Role.SAMPLER));
    }

    @Test
    void anAcceleratorComesBeforeTheProcessorHoweverLittleMemoryItHas() {
        stage = new Stage(kit);
        TestProbe<NodeMessage> node = node();
        offer(node, "a", ALL, new DeviceOffer("cpu", 1024 * GIB, 0), new DeviceOffer("gpu:0", 80 * GIB, 0));

        assertThat(ordered(node, 4).values()).containsOnly("gpu:0");
    }

    @Test
    void aDeviceThatAnotherExperimentTrainsOnIsLeftToItWhileThereIsAFreeOne() {
        stage = new Stage(kit);
        TestProbe<NodeMessage> node = node();
        offer(
                node,
                "a",
                List.of(Role.GENERATOR, Role.CRITIC),
                new DeviceOffer("gpu:0", 80 * GIB, 1),
                new DeviceOffer("gpu:1", 24 * GIB, 0),
                new DeviceOffer("gpu:2", 24 * GIB, 0));

        assertThat(ordered(node, 2).values()).containsExactlyInAnyOrder("gpu:1", "gpu:2");
    }

    @Test
    void theTrainersGoToTheNodesThatHaveAFreeAccelerator() {
        stage = new Stage(kit);
        TestProbe<NodeMessage> small = node();
        TestProbe<NodeMessage> first = node();
        TestProbe<NodeMessage> second = node();
        List<Role> trainers = List.of(Role.GENERATOR, Role.CRITIC);
        // What each would be asked is known only when all three are: the processors' node comes before any trainer is
        // wanted.
        offer(small, "small", List.of(Role.TEACHER), new DeviceOffer("cpu", 512 * GIB, 0));
        offer(first, "first", List.of(Role.CRITIC), new DeviceOffer("gpu:0", 80 * GIB, 0));
        offer(second, "second", trainers, new DeviceOffer("gpu:0", 24 * GIB, 0), new DeviceOffer("cpu", GIB, 0));

        assertThat(ordered(small, 1)).isEqualTo(Map.of(Role.TEACHER, "cpu"));
        assertThat(ordered(first, 1)).isEqualTo(Map.of(Role.CRITIC, "gpu:0"));
        assertThat(ordered(second, 1)).isEqualTo(Map.of(Role.GENERATOR, "gpu:0"));
    }

    @Test
    void aProcessorIsUsedWhereThereIsNothingElse() {
        stage = new Stage(kit);
        TestProbe<NodeMessage> node = node();
        offer(node, "a", ALL, new DeviceOffer("cpu", 0, 0));

        assertThat(ordered(node, 4).values()).containsOnly("cpu");
    }
}
