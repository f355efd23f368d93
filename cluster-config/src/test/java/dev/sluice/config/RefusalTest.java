package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is refused, and in which words. */
class RefusalTest {
    @TempDir
    Path home;

    @BeforeEach
    void teacher() throws IOException {
        Files.createDirectories(home.resolve("teachers"));
        Files.createFile(home.resolve("teachers/fashion.pt"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    serving.port=70000 | serving.port = 70000 must be between 0 and 65535
                    serving.queue-limit=0 | serving.queue-limit = 0 must be between 1 and 100000
                    serving.max-batch=17 | serving.max-batch = 17 must not be above the largest of serving.batch-sizes [1, 2, 4, 8, 16]: no batch could be padded to it
                    serving.batch-sizes=[4,2,16] | serving.batch-sizes = [4, 2, 16] must be ascending whole numbers from 1 to 1024, such as [1, 2, 4, 8, 16]
                    serving.batch-sizes=16 | serving.batch-sizes = "16" must be a list: [a, b]
                    serving.batch-sizes=[1,x,16] | serving.batch-sizes = [1,"x",16] must be a list whose every entry fits; "x" must be a whole number
                    serving.deadline=60 | serving.deadline = "60" must be a whole number with a unit, such as 500ms, 30s, 5m or 1h
                    serving.host= | serving.host = "" must be an address to listen on: 127.0.0.1
                    serving.max-body-bytes=3 | serving.max-body-bytes = 3 must be between 256 and 16777216
                    serving=5 | serving must be a section: serving { … }
                    serving.port={a:1} | serving.port = {"a":1} must be a single value
                    engine.devices=[gpu] | engine.devices = [gpu] must name one or more of cpu, gpu:0, gpu:1 ..., each once: [cpu, "gpu:0"]
                    engine.devices=[] | engine.devices = [] must name one or more of cpu, gpu:0, gpu:1 ..., each once: [cpu, "gpu:0"]
                    engine.devices=[cpu,"gpu:0",cpu] | engine.devices = [cpu, gpu:0, cpu] must name one or more of cpu, gpu:0, gpu:1 ..., each once: [cpu, "gpu:0"]
                    engine.device=cpu | unknown key engine.device; did you mean engine.devices?
                    serving.token=short | serving.token = (hidden) must be 16 to 512 characters, none of them a space or beyond ASCII; it has 5. Make one with: openssl rand -hex 32
                    serving.token=twenty characters and | serving.token = (hidden) must be 16 to 512 characters
                    serving.token=[secret] | serving.token = (hidden) must be a single value
                    node.name=a b | node.name = "a b" must be 1 to 253 letters, digits, dots, dashes, colons and underscores, or be left out
                    node.host=0.0.0.0 | node.host = "0.0.0.0" must be an address by which the other nodes reach this one, such as 127.0.0.1; to listen on every address write that into node.bind-host
                    node.host="[::]" | node.host = "[::]" must be an address by which the other nodes reach this one
                    node.bind-host= | node.bind-host = "" must be an address to listen on: 127.0.0.1
                    node.bind-port=25520 | node.bind-port = 25520 must go with a node.port other than 0: nobody would know by which port to reach this node
                    node.delivery-port=70000 | node.delivery-port = 70000 must be between 0 and 65535
                    node.bind-port=0 | node.bind-port = 0 must be between 1 and 65535
                    node.memory-gib=0 | node.memory-gib = 0 must be between 1 and 1048576
                    node.trial-within=25h | node.trial-within = 90000s must be between 0s and 86400s
                    node.health-port=65536 | node.health-port = 65536 must be between 0 and 65535
                    node.health-host= | node.health-host = "" must be an address to listen on: 127.0.0.1
                    node.shared-store=yes | node.shared-store = "yes" must be true or false
                    node.runs= | node.runs = "" must be a path
                    cluster.profile=laptop | cluster.profile = "laptop" must be one of loaded-machine, real-cluster
                    supervision.restarts=-1 | supervision.restarts = -1 must be between 0 and 1000
                    supervision.back-off-min=0s | supervision.back-off-min = 0s must be between 1ms and 86400s
                    engine.threads=0 | engine.threads = 0 must be between 1 and 1024
                    node.roles=[] | node.roles = [] must name one or more of [generator, critic, teacher, sampler, control]
                    node.roles=[critik] | node.roles = ["critik"] must be a list whose every entry fits; "critik" must be one of generator, critic, teacher, sampler, control
                    node.seeds=[nonsense] | node.seeds = [nonsense] must be addresses such as "10.0.0.1:25520"
                    node.seeds=["h:70000"] | node.seeds = [h:70000] must be addresses such as "10.0.0.1:25520"
                    experiment.recipe.batch=0 | experiment.recipe.batch = 0 must be between 1 and 65536
                    experiment.recipe.ema=1 | experiment.recipe.ema = 1.0 must be in [0, 1)
                    experiment.recipe.ema=NaN | experiment.recipe.ema = "NaN" must be a number
                    experiment.recipe.critic.learning-rate=-1 | experiment.recipe.critic.learning-rate = -1.0 must be positive and finite
                    experiment.recipe.critic.learning-rate=1e400 | experiment.recipe.critic.learning-rate = Infinity must be positive and finite
                    experiment.recipe.normaliser=kll | experiment.recipe.normaliser = "kll" must be one of kl, per-sample, batch
                    experiment.boundaries=[0.6,0] | experiment.boundaries and experiment.timesteps do not fit: boundary 0.6 is not one of the timesteps after the first: [1.0, 0.9, 0.75, 0.5, 0.0]
                    experiment.cycles=[5] | experiment.cycles = [5] must have one entry for each of the 2 phases that the boundaries [0.75, 0.0] make
                    experiment.cycles=[5,0] | experiment.cycles = [5, 0] must be between 1 and 10000000 in every phase; phase 2 has 0
                    experiment.recipe.rollout=one-step | experiment.recipe.rollout = one-step must have phases of one step each, phase 1 has 2; write sgts or full, or cut the phase at every timestep
                    experiment.method=ddm | experiment.method = "ddm" must be one of as-configured, dmd, dmd-sgts, phased-dmd, phased-dmd-sgts
                    experiment.name=../up | experiment.name = "../up" must be 1 to 63 lower-case letters, digits, dots, dashes and underscores: it names the model over HTTP
                    experiment.teacher-steps=0 | experiment.teacher-steps = 0 must be between 1 and 10000
                    experiment.recipe.bach=8 | unknown key experiment.recipe.bach; did you mean experiment.recipe.batch?
                    recipe.bach=8 | unknown key recipe.bach; did you mean experiment.recipe.batch?
                    recipe.batch=8 | unknown key recipe.batch; did you mean experiment.recipe.batch?
                    servng.port=8 | unknown key servng.port; did you mean serving.port?
                    zzzzzzzz=8 | unknown key zzzzzzzz; no key has a name like it, leave it out
                    """)
    void saysTheKeyTheValueAndTheMend(String override, String problem) {
        List<String> problems = refusals(override == null ? "" : override);

        assertThat(problems).first().asString().startsWith(problem);
        assertThat(problems).allMatch(line -> line.endsWith("(--set)") || line.startsWith("unknown key"));
    }

    /** Time-outs and limits of several sections that cannot work together. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    serving.max-wait=60s | serving.max-wait = 60s must be shorter than serving.deadline = 60s: every request would be refused while it waits for its batch (--set)
                    supervision.swap-within=179s | supervision.swap-within = 179s must be at least 180s: a swap waits for the batch that runs (serving.deadline = 60s) and then loads (supervision.load-within = 120s) (--set)
                    supervision.work-within=120s | supervision.work-within = 120s must be shorter than supervision.cycle-stall-after = 120s: the whole ring would be called stuck before it is known which role is (--set)
                    supervision.place-within=180s | supervision.place-within = 180s must be shorter than supervision.roles-within = 180s: the run would fail before a second node was asked (--set)
                    supervision.back-off-max=180s | supervision.back-off-max = 180s must be shorter than supervision.roles-within = 180s: the run would fail for want of a role while it holds that role back itself (--set)
                    supervision.back-off-max=999ms | supervision.back-off-max = 999ms must not be shorter than supervision.back-off-min = 1s (--set)
                    """)
    void timeOutsThatCannotWorkTogether(String override, String problem) {
        assertThat(refusals(override)).containsExactly(problem);
    }

    @Test
    void onePortIsNotForTwoThings() {
        assertThat(refusals("node.port=7077", "node.delivery-port=7077"))
                .containsExactly(
                        "node.delivery-port = 7077 must not be the port of node.port or node.bind-port, which is for"
                                + " everything else between nodes (--set)");
    }

    @Test
    void aNodeAmongOthersMustOutwaitTheCluster() {
        assertThat(refusals(
                        "node.roles=[critic]",
                        "node.seeds=[\"h:1\"]",
                        "supervision.cycle-stall-after=20s",
                        "supervision.work-within=10s"))
                .containsExactly("supervision.cycle-stall-after = 20s must be longer than 20s, which the cluster takes"
                        + " to tell a dead node from a slow one (cluster.profile = loaded-machine) (--set)");
    }

    /** So that the cross-checks cannot be forgotten when a profile changes. */
    @Test
    void theDefaultsOutwaitEveryProfile() {
        for (String profile : List.of("loaded-machine", "real-cluster")) {
            Settings settings = Settings.load(
                    "fashion",
                    List.of("cluster.profile=" + profile, "node.roles=[critic]", "node.seeds=[\"h:1\"]"),
                    home);
            assertThat(settings.supervision().rolesWithin())
                    .isGreaterThan(PekkoConfig.takenOverAfter(settings.cluster()));
        }
    }

    @Test
    void aNodeThatNobodyCanJoinMustDoEverything() {
        assertThat(refusals("node.roles=[critic]"))
                .singleElement()
                .asString()
                .startsWith("node.roles = [critic] must be all roles when the node has neither node.seeds to join nor");
    }

    @Test
    void aMarginThatLeavesNothingToReNoise() {
        assertThat(refusals("experiment.boundaries=[0.9,0]", "experiment.recipe.margin=0.1"))
                .singleElement()
                .asString()
                .startsWith("experiment.recipe.margin = 0.1 must leave room for re-noising above the boundary 0.9 of"
                        + " phase 1");
    }

    @Test
    void tellsEverythingAtOnceAndWhere() throws IOException {
        Path file = Files.writeString(home.resolve("bad.conf"), """
                include classpath("experiments/fashion.conf")
                experiment.recipe {
                  bach = 8
                  batch = 0
                  ema = 2
                  shift = fast
                }
                serving.port = 99999
                """);

        assertThatThrownBy(() -> Settings.load(file.toString(), List.of("serving.queue-limit=0", "nonsense"), home))
                .isInstanceOf(BadSettings.class)
                .hasMessage("the configuration of " + file + " cannot be used:\n"
                        + """
                          - --set nonsense must be written key=value
                          - unknown key experiment.recipe.bach; did you mean experiment.recipe.batch? (bad.conf, line 3)
                          - experiment.recipe.shift = "fast" must be a number (bad.conf, line 6)
                          - experiment.recipe.batch = 0 must be between 1 and 65536 (bad.conf, line 4)
                          - experiment.recipe.ema = 2.0 must be in [0, 1) (bad.conf, line 5)
                          - serving.port = 99999 must be between 0 and 65535 (bad.conf, line 8)
                          - serving.queue-limit = 0 must be between 1 and 100000 (--set)""".indent(2).stripTrailing());
    }

    @Test
    void aBrokenPlanIsNotBlamedOnTheCycles() {
        assertThat(refusals("experiment.boundaries=[0.9,0.8,0.5,0]", "experiment.cycles=[1,1,1,1]"))
                .singleElement()
                .asString()
                .contains("boundary 0.8 is not one of the timesteps");
    }

    @Test
    void anUnknownExperimentListsTheKnownOnes() {
        assertThat(Refusals.of(() -> Settings.load("fashon", List.of(), home)))
                .containsExactly("there is no experiment fashon; did you mean fashion? Known are fashion, mixture-2d,"
                        + " quick, and any file that ends in .conf");
    }

    @Test
    void aFileThatIsTooLongToBeAConfigurationIsNotReadOntoTheHeap() throws IOException {
        Path file = home.resolve("long.conf");
        Files.writeString(file, "#".repeat((1 << 20) + 1));

        assertThat(Refusals.of(() -> Settings.read(file)))
                .containsExactly(file + " is no configuration: it has 1048577 bytes, and one has at most 1048576");
    }

    @Test
    void aFileThatIsNotThere() {
        Path file = home.resolve("none.conf");
        assertThat(Refusals.of(() -> Settings.load(file.toString(), List.of(), home)))
                .containsExactly("there is no file " + file);
        assertThat(Refusals.of(() -> Settings.read(file))).containsExactly("there is no file " + file);
    }

    @Test
    void aFileThatIsNotHocon() throws IOException {
        Path file = Files.writeString(home.resolve("torn.conf"), "experiment {\n  name = ");

        assertThat(Refusals.of(() -> Settings.load(file.toString(), List.of(), home)))
                .singleElement()
                .asString()
                .contains("torn.conf cannot be read")
                .contains("torn.conf: 2");
    }

    @Test
    void aReferenceThatLeadsNowhere() throws IOException {
        Path file = Files.writeString(home.resolve("loose.conf"), "experiment.name = ${nowhere.at.all}");

        assertThat(Refusals.of(() -> Settings.load(file.toString(), List.of(), home)))
                .singleElement()
                .asString()
                .contains("nowhere.at.all");
    }

    @Test
    void aFileThatLeavesOutWhatHasNoDefault() throws IOException {
        Path file = Files.writeString(home.resolve("empty.conf"), "experiment.name = null");

        assertThat(Refusals.of(() -> Settings.load(file.toString(), List.of(), home)))
                .containsExactly(
                        "experiment.name is missing",
                        "experiment.teacher is missing",
                        "experiment.timesteps is missing",
                        "experiment.boundaries is missing",
                        "experiment.cycles is missing");
    }

    @Test
    void aTeacherThatIsNotThere() {
        assertThat(Refusals.of(() -> Settings.load("mixture-2d", List.of(), home)))
                .containsExactly("experiment.teacher = " + home.resolve("teachers/mixture-2d.pt")
                        + " must be a file that can be read: train one with train-teacher, or name another");
    }

    @Test
    void recordsMadeByHandAreRefusedToo() {
        assertThatThrownBy(() -> new EngineSettings(0, List.of("tpu")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "engine.threads = 0 must be between 1 and 1024;"
                                + " engine.devices = [tpu] must name one or more of cpu, gpu:0, gpu:1 ..., each once: [cpu, \"gpu:0\"]");
    }

    @Test
    void aTokenThatCannotBeReadIsNotRepeated() {
        assertThat(refusals("serving.token=\"sesame", "serving={token: \"sesame"))
                .hasSize(2)
                .allMatch(problem -> problem.startsWith("--set serving"))
                .allMatch(problem -> problem.endsWith("=(hidden) cannot be read: mind the quotes and brackets"));
    }

    private List<String> refusals(String... overrides) {
        return Refusals.of(() -> Settings.load("fashion", List.of(overrides), home));
    }

    @Test
    void aMethodAndWhatContradictsIt() {
        assertThat(refusals("experiment.method=dmd", "experiment.recipe.rollout=sgts"))
                .containsExactly("experiment.method = dmd must go with one phase and recipe.rollout = full, not with"
                        + " boundaries [0.0] and recipe.rollout = sgts; leave those to it, or write method ="
                        + " as-configured (--set)");
        assertThat(refusals("experiment.method=dmd-sgts", "experiment.boundaries=[0.5,0]", "experiment.cycles=[1,2]"))
                .singleElement()
                .asString()
                .startsWith("experiment.method = dmd-sgts must go with one phase and recipe.rollout = sgts, not with"
                        + " boundaries [0.5, 0.0]");
        assertThat(refusals("experiment.method=phased-dmd", "experiment.boundaries=[0.5,0]", "experiment.cycles=[1,2]"))
                .anySatisfy(refusal -> assertThat(refusal)
                        .startsWith("experiment.method = phased-dmd must go with phases of one step and recipe.rollout"
                                + " = one-step, not with boundaries [0.5, 0.0]"));
    }
}
