package dev.sluice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.monitoring.check.Guarantee;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Comments and documents cite only what is in the repository, and docs/guarantees.md names only tests that exist. */
class CitationsTest {
    private static final Path HOME = Path.of(System.getProperty("sluice.home"));

    /** Numbers of lists and names of papers that only their authors have; the thing itself should be said instead. */
    private static final List<Pattern> NOWHERE = List.of(
            Pattern.compile("\\b[Cc]ontracts?,? [A-Z]\\d*\\b"),
            Pattern.compile("\\b[Dd]ecisions? \\d"),
            Pattern.compile("\\([Dd]esign\\b|\\bof the design\\b|\\bdesign, \""),
            Pattern.compile("\\bR\\d\\b"),
            Pattern.compile("\\([SFM]\\d{1,2}(, [SFM]\\d{1,2})*\\)"),
            Pattern.compile("\\b[Ii]ssues? #?\\d"));

    private static final Pattern PAGE = Pattern.compile("(?<![\\w./-])(?:docs/)?([\\w-]+\\.md)\\b");
    private static final Pattern CITED_GUARANTEE = Pattern.compile("guarantees\\.md(?:: |#)([a-z-]+(?:, [a-z-]+)*)");
    private static final Pattern GUARANTEE = Pattern.compile("(?m)^\\| <a id=\"([a-z-]+)\"></a>`\\1` \\|");
    private static final Pattern TEST = Pattern.compile("`(\\w+(?:Test|IT))(?:\\.(\\w+))?`");

    /** The text of every source and document, without the line breaks that a comment happens to have. */
    private static Map<String, String> texts;

    private static Map<String, Path> tests;
    private static String guarantees;

    @BeforeAll
    static void read() throws IOException {
        texts = new TreeMap<>();
        tests = new TreeMap<>();
        for (Path file : files()) {
            texts.put(HOME.relativize(file).toString(), flat(Files.readString(file)));
            if (file.toString().contains("/src/test/java/")) {
                tests.put(file.getFileName().toString().replace(".java", ""), file);
            }
        }
        guarantees = Files.readString(HOME.resolve("docs/guarantees.md"));
    }

    private static List<Path> files() throws IOException {
        List<Path> files = new ArrayList<>(List.of(HOME.resolve("README.md"), HOME.resolve("sluice")));
        add(files, HOME.resolve("docs"));
        try (Stream<Path> modules = Files.list(HOME)) {
            for (Path module : modules.filter(path -> Files.exists(path.resolve("pom.xml")))
                    .toList()) {
                add(files, module.resolve("src"));
            }
        }
        return files;
    }

    private static void add(List<Path> files, Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            all.filter(path -> path.toString().matches(".*\\.(java|conf|md|html|properties|xml)"))
                    .forEach(files::add);
        }
    }

    /** Paragraphs stay apart, so that a heading and the list below it are not one sentence. */
    private static String flat(String text) {
        return text.replaceAll("\\R[ \\t]*\\R", "\n¶ ").replaceAll("\\s*\\R\\s*(?:\\*(?!/)|//+|#+)?\\s*", " ");
    }

    private static List<String> citedNowhere(String flat) {
        List<String> cited = new ArrayList<>();
        for (Pattern pattern : NOWHERE) {
            pattern.matcher(flat).results().map(MatchResult::group).forEach(cited::add);
        }
        return cited;
    }

    private static Set<String> names() {
        return GUARANTEE
                .matcher(guarantees)
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void nothingCitesAListThatIsNotThere() {
        assertThat(texts).hasSizeGreaterThan(300);
        texts.forEach((file, text) -> assertThat(citedNowhere(text)).as(file).isEmpty());
    }

    /** As they stood here once; each in two pieces, because this file is read too. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "/** Hot swap, contract" + " S7. */",
                "(contracts" + " F3, F4)",
                "exist (contract\n *" + " F13).",
                "from the wire (contracts," + " R).",
                "one process (des" + "ign, decision" + " 8)",
                "at once (S" + "3)",
                "(K of the" + " design)",
                "a violation (R" + "6), and",
                "broken(\"R" + "2\", what)",
                "see issue" + " 14"
            })
    void whatWasCitedOnceIsFound(String comment) {
        assertThat(citedNowhere(flat(comment))).isNotEmpty();
    }

    @Test
    void everyPageThatIsNamedIsThere() throws IOException {
        Set<String> pages = new TreeSet<>(Set.of("README.md"));
        try (Stream<Path> docs = Files.list(HOME.resolve("docs"))) {
            docs.forEach(page -> pages.add(page.getFileName().toString()));
        }
        texts.forEach((file, text) -> assertThat(PAGE.matcher(text).results().map(found -> found.group(1)))
                .as(file)
                .isSubsetOf(pages));
    }

    @Test
    void everyGuaranteeThatIsCitedOrCheckedIsOnThePage() {
        Set<String> names = names();
        assertThat(names).hasSizeGreaterThan(30);
        assertThat(Stream.of(Guarantee.values()).map(Guarantee::toString)).isSubsetOf(names);
        List<String> cited = texts.values().stream()
                .flatMap(text -> CITED_GUARANTEE.matcher(text).results())
                .flatMap(found -> Stream.of(found.group(1).split(", ")))
                .toList();
        assertThat(cited).isNotEmpty().isSubsetOf(names);
    }

    @Test
    void everyGuaranteeHasTestsThatExist() throws IOException {
        for (String line :
                guarantees.lines().filter(l -> GUARANTEE.matcher(l).find()).toList()) {
            List<MatchResult> named = TEST.matcher(line).results().toList();
            assertThat(named).as(line).isNotEmpty();
            for (MatchResult test : named) {
                assertThat(tests).containsKey(test.group(1));
                if (test.group(2) != null) {
                    assertThat(Files.readString(tests.get(test.group(1)))).contains("void " + test.group(2) + "(");
                }
            }
        }
    }
}
