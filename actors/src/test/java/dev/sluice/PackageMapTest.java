package dev.sluice;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The package map in docs/architecture.md is complete and names nothing that is gone. */
class PackageMapTest {
    private static final Path HOME = Path.of(System.getProperty("sluice.home"));
    private static final Pattern MODULE = Pattern.compile("### `([a-z-]+)/`");
    private static final Pattern PACKAGE = Pattern.compile("\\| `([a-z.]+)` \\| .+ \\|");

    @Test
    void namesEveryPackageOnceAndUnderItsModule() throws IOException {
        List<String> inSources = packagesInSources();
        assertThat(inSources).contains("runtime: runtime.distillation", "cluster-config: config.tls");
        assertThat(packagesInMap())
                .as("docs/architecture.md has a row for each package, under its module")
                .containsExactlyInAnyOrderElementsOf(inSources);
    }

    /** Such as {@code cluster-config: config.tls}. */
    private static List<String> packagesInMap() throws IOException {
        List<String> packages = new ArrayList<>();
        String module = null;
        for (String line : Files.readAllLines(HOME.resolve("docs/architecture.md"))) {
            Matcher heading = MODULE.matcher(line);
            Matcher row = PACKAGE.matcher(line);
            if (heading.matches()) {
                module = heading.group(1);
            } else if (line.startsWith("## ")) {
                module = null;
            } else if (module != null && row.matches()) {
                packages.add(module + ": " + row.group(1));
            }
        }
        return packages;
    }

    private static List<String> packagesInSources() throws IOException {
        List<String> packages = new ArrayList<>();
        try (Stream<Path> modules = Files.list(HOME)) {
            for (Path module : modules.toList()) {
                Path root = module.resolve("src/main/java/dev/sluice");
                if (Files.isDirectory(root)) {
                    packages.addAll(packagesBelow(root).stream()
                            .map(name -> module.getFileName() + ": " + name)
                            .toList());
                }
            }
        }
        return packages;
    }

    /** The folders that hold a class; a {@code package-info} alone makes no package. */
    private static List<String> packagesBelow(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(file -> file.toString().endsWith(".java") && !file.endsWith("package-info.java"))
                    .map(file -> root.relativize(file.getParent()).toString().replace('/', '.'))
                    .distinct()
                    .toList();
        }
    }
}
