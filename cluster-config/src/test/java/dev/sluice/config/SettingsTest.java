package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigResolveOptions;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.protocol.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsTest {
    @TempDir
    Path home;

    @BeforeEach
    void teachers() throws IOException {
        Files.createDirectories(home.resolve("teachers"));
        Files.createFile(home.resolve("teachers/fashion.pt"));
        Files.createFile(home.resolve("teachers/mixture-2d.pt"));
    }

    static List<String> experiments() {
        return Settings.experiments();
    }

    @Test
    void fashionIsTheRecipeThatReachedTheTeachersQuality() {
        ExperimentSettings fashion = load("fashion").experiment();

        assertThat(fashion)
                .isEqualTo(new ExperimentSettings(
                        "fashion",
                        home.resolve("teachers/fashion.pt"),
                        Method.AS_CONFIGURED,
                        new PhasePlan(List.of(1.0, 0.9, 0.75, 0.5, 0.0), List.of(0.75, 0.0)),
                        List.of(200, 100),
                        new Recipe(
                                1,
                                64,
                                5,
                                2,
                                Recipe.Schedule.RECTIFIED_FLOW,
                                Recipe.Rollout.SGTS,
                                Recipe.Normaliser.PER_SAMPLE,
                                Recipe.CriticWeighting.CLAMPED,
                                0.02,
                                1,
                                AdamWSettings.ofPaper(1e-4),
                                AdamWSettings.ofPaper(1e-4),
                                0.98,
                                0,
                                Recipe.Ablation.NONE),
                        50,
                        20,
                        80,
                        10));
    }

    @Test
    void mixtureHasFourPhasesOfOneStep() {
        ExperimentSettings mixture = load("mixture-2d").experiment();

        assertThat(mixture.plan().phases()).hasSize(4).allMatch(phase -> phase.steps() == 1);
        assertThat(mixture.cycles()).containsExactly(150, 250, 300, 500);
        assertThat(mixture.teacher()).isEqualTo(home.resolve("teachers/mixture-2d.pt"));
        assertThat(mixture.recipe().normaliser()).isEqualTo(Recipe.Normaliser.BATCH);
        assertThat(mixture.recipe().batch()).isEqualTo(512);
        assertThat(mixture.recipe().guidance()).isEqualTo(1);
        assertThat(mixture.recipe().generatorOptimizer()).isEqualTo(AdamWSettings.ofPaper(2e-4));
        assertThat(mixture.recipe().criticOptimizer()).isEqualTo(AdamWSettings.ofPaper(1e-3));
    }

    @Test
    void quickIsASmallerFashion() {
        ExperimentSettings quick = load("quick").experiment();

        assertThat(quick.plan()).isEqualTo(load("fashion").experiment().plan());
        assertThat(quick.teacher()).isEqualTo(home.resolve("teachers/fashion.pt"));
        assertThat(quick.cycles()).containsExactly(3, 2);
        assertThat(quick.recipe().batch()).isEqualTo(8);
        assertThat(quick.recipe().criticUpdates()).isEqualTo(2);
        assertThat(quick.teacherSteps()).isEqualTo(4);
    }

    @Test
    void defaultsMakeAClusterOfOneOnLoopback() {
        Settings settings = load("fashion");

        assertThat(settings.node().roles()).containsExactly(Role.values());
        assertThat(settings.node().isWholeCluster()).isTrue();
        assertThat(settings.node().host()).isEqualTo("127.0.0.1");
        assertThat(settings.serving().host()).isEqualTo("127.0.0.1");
        assertThat(settings.serving().batchSizes()).containsExactly(1, 2, 4, 8, 16);
        assertThat(settings.serving().maxWait()).isEqualTo(Duration.ofMillis(5));
        assertThat(settings.engine().threads()).isEqualTo(Runtime.getRuntime().availableProcessors());
    }

    @ParameterizedTest
    @MethodSource("experiments")
    void whatIsRenderedIsReadBackEqual(String experiment) throws IOException {
        Settings settings = load(
                experiment,
                "serving.port=0",
                "serving.max-wait=1500ms",
                "experiment.recipe.seed=-9007199254740993",
                "experiment.recipe.generator.clip-norm=infinity",
                "node.seeds=[\"10.0.0.1:25520\"]",
                "node.roles=[critic, generator]");
        Path file = Files.writeString(home.resolve("config.conf"), settings.render());
        Files.delete(home.resolve("teachers/fashion.pt"));

        Settings again = Settings.read(file);

        assertThat(again).isEqualTo(settings);
        assertThat(again.render()).isEqualTo(settings.render());
        assertThat(again.experiment().recipe().seed()).isEqualTo(-9007199254740993L);
        assertThat(again.experiment().recipe().generatorOptimizer().clipNorm()).isInfinite();
    }

    @Test
    void theDefaultsAndAnExperimentGiveEveryKeyAndNoOther() {
        Config shipped = SettingsReader.resource("experiments/fashion.conf")
                .withFallback(SettingsReader.resource("sluice-defaults.conf"))
                .resolve(ConfigResolveOptions.noSystem());

        assertThat(keys(shipped)).containsExactlyElementsOf(keys(load("fashion").resolved()));
    }

    private static SortedSet<String> keys(Config config) {
        return config.entrySet().stream().map(Map.Entry::getKey).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void laterOverridesWinOverEarlierOnesAndOverTheExperiment() {
        Settings settings = load(
                "fashion", "experiment.recipe.batch=16", "experiment.recipe.batch = 32", "experiment.cycles=[7,8]");

        assertThat(settings.experiment().recipe().batch()).isEqualTo(32);
        assertThat(settings.experiment().cycles()).containsExactly(7, 8);
    }

    @Test
    void anOverriddenSectionKeepsTheKeysItDoesNotName() {
        Settings settings = load("fashion", "experiment.recipe={batch: 4, critic {learning-rate: 0.5}}");

        assertThat(settings.experiment().recipe().batch()).isEqualTo(4);
        assertThat(settings.experiment().recipe().criticOptimizer().learningRate())
                .isEqualTo(0.5);
        assertThat(settings.experiment().recipe().criticUpdates()).isEqualTo(5);
    }

    @Test
    void aFilesTeacherStandsBesideTheFile() throws IOException {
        Path folder = Files.createDirectories(home.resolve("elsewhere"));
        Files.createFile(folder.resolve("mine.pt"));
        Path file = Files.writeString(folder.resolve("mine.conf"), """
                include classpath("experiments/fashion.conf")
                experiment { name = mine, teacher = mine.pt }
                """);

        assertThat(load(file.toString()).experiment().teacher()).isEqualTo(folder.resolve("mine.pt"));
    }

    @Test
    void aBundledTeacherStaysBundledWhenAFileIncludesTheExperiment() throws IOException {
        Path folder = Files.createDirectories(home.resolve("elsewhere"));
        Path file = Files.writeString(folder.resolve("mine.conf"), """
                include classpath("experiments/fashion.conf")
                experiment.recipe.batch = 3
                """);

        assertThat(load(file.toString()).experiment().teacher()).isEqualTo(home.resolve("teachers/fashion.pt"));
    }

    @Test
    void anOverriddenTeacherMayHoldAnyCharacter() throws IOException {
        Path teacher = Files.createFile(home.resolve("a #1: {odd}.pt"));

        assertThat(load("fashion", "experiment.teacher=" + teacher).experiment().teacher())
                .isEqualTo(teacher);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"serving.port=0x50", "serving.port=8080.5", "serving.port=1e999999999", "serving.port=many"})
    void wholeNumbersAreWhole(String override) {
        assertThat(Refusals.of(() -> load("fashion", override)))
                .singleElement()
                .asString()
                .startsWith("serving.port = \"")
                .contains("must be a whole number")
                .endsWith("(--set)");
    }

    @Test
    void wholeNumbersMayBeWrittenAsDecimals() {
        assertThat(load("fashion", "serving.port=9e3").serving().port()).isEqualTo(9000);
    }

    private Settings load(String experiment, String... overrides) {
        return Settings.load(experiment, List.of(overrides), home);
    }

    @Test
    void identityHasWhatDeterminesTheWeightsAndNothingElse() {
        Settings settings = load("quick");

        assertThat(settings.identity())
                .containsEntry("experiment.recipe.seed", "1")
                .containsEntry("checkpoint.every", "2")
                .containsKeys("engine.threads", "experiment.boundaries", "experiment.cycles")
                .doesNotContainKeys("serving.port", "node.port", "checkpoint.keep", "experiment.teacher");
        assertThat(load("quick", "serving.port=0", "checkpoint.keep=7", "supervision.load-within=60s")
                        .identity())
                .isEqualTo(settings.identity());
        assertThat(load("quick", "experiment.recipe.margin=0.03").identity()).isNotEqualTo(settings.identity());
    }

    @Test
    void aMethodSetsPhasesBudgetAndRollout() {
        ExperimentSettings dmd = load("fashion", "experiment.method=dmd").experiment();
        assertThat(dmd.plan()).isEqualTo(new PhasePlan(List.of(1.0, 0.9, 0.75, 0.5, 0.0), List.of(0.0)));
        assertThat(dmd.cycles()).containsExactly(300);
        assertThat(dmd.recipe().rollout()).isEqualTo(Recipe.Rollout.FULL);

        ExperimentSettings sgts =
                load("mixture-2d", "experiment.method=dmd-sgts").experiment();
        assertThat(sgts.plan().boundaries()).containsExactly(0.0);
        assertThat(sgts.cycles()).containsExactly(1200);
        assertThat(sgts.recipe().rollout()).isEqualTo(Recipe.Rollout.SGTS);

        ExperimentSettings phased =
                load("fashion", "experiment.method=phased-dmd").experiment();
        assertThat(phased.plan().boundaries()).containsExactly(0.9, 0.75, 0.5, 0.0);
        assertThat(phased.cycles()).containsExactly(100, 100, 50, 50);
        assertThat(phased.recipe().rollout()).isEqualTo(Recipe.Rollout.ONE_STEP);

        ExperimentSettings both =
                load("mixture-2d", "experiment.method=phased-dmd-sgts").experiment();
        assertThat(both.plan().phaseCount()).isEqualTo(4);
        assertThat(both.recipe().rollout()).isEqualTo(Recipe.Rollout.SGTS);
    }

    @Test
    void aBudgetThatDoesNotDivideIsKeptWhole() {
        ExperimentSettings odd = load("quick", "experiment.method=phased-dmd").experiment();

        assertThat(odd.cycles()).containsExactly(1, 2, 1, 1);
    }

    @Test
    void whatIsSetBesideAMethodWins() {
        assertThat(load("fashion", "experiment.method=dmd", "experiment.cycles=[7]")
                        .experiment()
                        .cycles())
                .containsExactly(7);
    }

    @Test
    void aMethodIsReadBackAsItWasResolved() throws IOException {
        Settings settings = load("fashion", "experiment.method=dmd");
        Path file = Files.writeString(home.resolve("config.conf"), settings.render());

        assertThat(Settings.read(file)).isEqualTo(settings);
    }
}
