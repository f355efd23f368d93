package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.runtime.objective.Prediction;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is said of a file before libtorch sees it: of its code, its pickle, its card, and of what it is instead. */
class ModuleFileTest {
    @TempDir
    Path folder;

    private void refused(Path file, String... sentence) {
        assertThatThrownBy(() -> NetworkFile.readCard(file))
                .isInstanceOf(NetworkFileException.class)
                .hasMessageStartingWith(file + ": ")
                .satisfies(e -> assertThat(e.getMessage()).contains(sentence).hasLineCount(1));
    }

    private void codeRefused(String statement, String... sentence) throws IOException {
        refused(OddModule.ordinary().statements("    " + statement + "\n").write(folder.resolve("odd.pt")), sentence);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ops.aten.save(t, \"/tmp/owned\")",
                "torch.save(t, \"/tmp/owned\")",
                "t.save(\"/tmp/owned\")",
                "torch . save (t, \"/tmp/owned\")",
                "torch.\\\n      save(t, \"/tmp/owned\")",
                "getattr(torch, \"save\")(t, \"/tmp/owned\")",
                "getattr((torch), 'save')(t, \"/tmp/owned\")",
                "y = '\\\\'; torch.save(t, '/tmp/owned')"
            })
    void anOperationThatWritesFilesIsNamedWithItsPlace(String statement) throws IOException {
        codeRefused(statement, "its code ", "save", "leave", "code/__torch__.py, line ");
    }

    @Test
    void soAreThoseThatReadFilesOrReachOtherProcesses() throws IOException {
        codeRefused(
                "y = torch.from_file(\"/etc/passwd\", False, 2, dtype=0)",
                "names the operation from_file, which reads any file",
                "line 7");
        codeRefused("y = ops.mkldnn.data_ptr(x)", "data_ptr");
        codeRefused("y = ops.c10d.broadcast_([x], p, 0, 0, False, -1)", "operations of the namespace c10d");
        codeRefused("y = ops.torchvision.nms(x, t, 0.5)", "operations of the namespace torchvision");
        codeRefused("o = ops", "operations of the namespace");
        codeRefused("y = rpc_async(\"other\", x)", "calls other processes with rpc_async");
        codeRefused("s = __torch__.torch.classes.dist_c10d.TCPStore()", "native class dist_c10d.TCPStore");
        codeRefused("y = getattr(torch, \"sa\" \"ve\")", "asks for the attribute");
        codeRefused("y = getattr(torch, \"s\\x61ve\")", "asks for the attribute");
        codeRefused("y = getattr(torch, name)", "asks for the attribute");
        codeRefused("y = ops.prim.ConstantMKLDNNTensor()", "torch.jit.optimize_for_inference");
        codeRefused("y = \"abc", "a text without end");
        codeRefused("y = " + "(".repeat(300) + "x" + ")".repeat(300), "nests expressions without end");
        codeRefused("y = " + "-".repeat(3000) + "x", "nests expressions without end");
        codeRefused("y = " + "not ".repeat(3000) + "x", "nests expressions without end");
        codeRefused("\n" + " ".repeat(500) + "y = x", "nests blocks without end");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "# torch.save(x, \"f\") is not called",
                "ops.prim.RaiseException(\"call model.save(x) first: from_file\")",
                "y = getattr(self, \"0\")",
                "y = ops.quantized.linear(x, __torch__.torch.classes.quantized.LinearPackedParamsBase)",
                "y = torch.scaled_dot_product_attention(x, x, x, None, 0., False)",
                "saved = torch.add(x, 1)",
                "y = '\\'torch.save('",
                "y = \"\"\"a\n.save( \\\"\"\" \"\"\"",
                "y = [1., .5, 1e-05, 0x10]",
                "y = annotate(List[int], [1, 2, 3])"
            })
    void ordinaryCodePasses(String statement) throws IOException {
        Path file = OddModule.ordinary().statements("    " + statement + "\n").write(folder.resolve("odd.pt"));

        assertThatCode(() -> NetworkFile.readCard(file)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(strings = {"teachers/fashion.pt", "teachers/mixture-2d.pt"})
    void whatComesWithSluicePasses(String name) {
        assertThatCode(() -> NetworkFile.readCard(Path.of(System.getProperty("sluice.home"), name)))
                .doesNotThrowAnyException();
    }

    @Test
    void aCountThatTheFileDoesNotHoldIsRefused() throws IOException {
        refused(
                new OddModule("torch.mul(x, self.w)")
                        .tensor("w", "Float", 1 << 30, new byte[8], new long[] {2}, new long[] {1}, true, true)
                        .write(folder.resolve("odd.pt")),
                "data/0 should have 4294967296 bytes, it has 8");
        refused(
                new OddModule("torch.mul(x, self.w)")
                        .tensor("w", "Float", 2, new byte[8], new long[] {2}, new long[] {100}, true, true)
                        .write(folder.resolve("odd.pt")),
                "a tensor of shape [2] that does not fit into its 2 elements");
        refused(
                OddModule.ordinary()
                        .tensor("u", "Strange", 2, new byte[8], new long[] {2}, new long[] {1}, true, true)
                        .write(folder.resolve("odd.pt")),
                "unknown type StrangeStorage");
    }

    @Test
    void objectsThatNestOrContainThemselvesAreRefused() throws IOException {
        Path file = folder.resolve("odd.pt");
        refused(
                OddModule.ordinary()
                        .entry("constants.pkl", pickle("]".repeat(500) + "a".repeat(499) + "."))
                        .write(file),
                "200 deep");
        refused(OddModule.ordinary().entry("constants.pkl", pickle("]q0h0a.")).write(file), "contains itself");
        refused(
                OddModule.ordinary()
                        .entry("constants.pkl", pickle("cos\nsystem\nS'ls'\ntR."))
                        .write(file),
                "0x53");
        refused(OddModule.ordinary().entry("constants.pkl", pickle("((")).write(file), "ends in the middle");
        refused(
                OddModule.ordinary()
                        .entry("constants.pkl", pickle("c__torch__.torch.classes.dist_c10d\nTCPStore\n)\u0081."))
                        .write(file),
                "native class dist_c10d.TCPStore");
    }

    private static byte[] pickle(String instructions) {
        return ("\u0080\u0002" + instructions).getBytes(StandardCharsets.ISO_8859_1);
    }

    @Test
    void aZipThatTwoReadersCouldReadInTwoWaysIsRefused() throws IOException {
        Path file = folder.resolve("odd.pt");
        refused(OddModule.ordinary().entry("Data.pkl", new byte[1]).write(file), "is there twice");
        refused(OddModule.ordinary().entry("../evil", new byte[1]).write(file), "a name that no entry should have");
        byte[] whole = Files.readAllBytes(OddModule.ordinary().write(file));
        ByteArrayOutputStream twice = new ByteArrayOutputStream();
        twice.writeBytes(whole);
        twice.writeBytes(whole);
        refused(Files.write(file, twice.toByteArray()), "torn or not a TorchScript file");
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write(whole);
            out.write(new byte[30]);
        }
        refused(file, "zip END header not found");
        zip(file, Map.of("archive/version", new byte[1], "other/version", new byte[1]));
        refused(file, "is outside of its folder");
    }

    private static Path zip(Path file, Map<String, byte[]> entries) throws IOException {
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                zip.putNextEntry(new ZipEntry(entry.getKey()));
                zip.write(entry.getValue());
            }
        }
        return file;
    }

    @Test
    void codeMayBeCompressedAndTensorsMayNot() throws IOException {
        Path file = Files.write(folder.resolve("odd.pt"), OddModule.ordinary().withPackedCode());
        assertThatCode(() -> NetworkFile.readCard(file)).doesNotThrowAnyException();

        Path packed = folder.resolve("packed.pt");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(packed))) {
            for (Map.Entry<String, byte[]> entry :
                    OddModule.ordinary().entries(OddModule.CARD).entrySet()) {
                zip.putNextEntry(new ZipEntry("archive/" + entry.getKey()));
                zip.write(entry.getValue());
            }
        }
        refused(packed, "its tensors data/0 are compressed");
    }

    @Test
    void whatWasGivenInsteadIsNamedWithTheMend() throws IOException {
        String mend = "torch.jit.save(torch.jit.script(model.eval()), …)";
        Path file = folder.resolve("teacher.pt");
        refused(Files.write(file, new byte[0]), "an empty file");
        refused(Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:12\n"), "git lfs pull");
        refused(Files.writeString(file, "\n<!DOCTYPE html><html>"), "a web page");
        refused(Files.write(file, pickle("}q.")), "torch.save's old format", mend);
        refused(Files.writeString(file, "\u0010\0\0\0\0\0\0\0{\"w\":1}"), "safetensors", mend);
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (OutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write(1);
        }
        refused(Files.write(file, packed.toByteArray()), "packed with gzip", "gunzip");
        refused(
                zip(file, Map.of("archive/data.pkl", pickle("ccollections\nOrderedDict\n)R."))),
                "a state_dict of torch.save",
                mend);
        refused(
                zip(file, Map.of("archive/data.pkl", pickle("c__main__\nNet\n)\u0081."))),
                "a pickled Python object",
                mend);
        refused(zip(file, Map.of("archive/readme", new byte[1])), "a zip, but not a TorchScript file", mend);
        refused(folder, "a folder, not a network file");
        refused(folder.resolve("none.pt"), "there is no such network file");
        refused(Path.of("http://example.org/teacher.pt"), "URLs are not read; download the file");
        refused(OddModule.ordinary().write(file, null), "without a card");
    }

    private void cardRefused(String from, String to, String... sentence) throws IOException {
        assertThat(OddModule.CARD).contains(from);
        refused(OddModule.ordinary().write(folder.resolve("odd.pt"), OddModule.CARD.replace(from, to)), sentence);
    }

    @Test
    void everyKeyOfACardIsNamedWhenItIsAbsentNullOrUnknown() throws IOException {
        cardRefused("\"sampleShape\": [2], ", "", "its card extra/sluice.json", "the key sampleShape is missing");
        cardRefused("\"classNames\": [\"a\", \"b\"], ", "", "the key classNames is missing");
        cardRefused("\"schedule\": \"RECTIFIED_FLOW\", ", "", "the key schedule is missing");
        cardRefused("\"phase\": 0, ", "", "the key phase is missing");
        cardRefused("\"timesteps\": [], ", "", "the key timesteps is missing");
        cardRefused(", \"provenance\": {}", "", "the key provenance is missing");
        cardRefused("\"phase\": 0", "\"phase\": null", "the key phase is null");
        cardRefused("\"prediction\"", "\"prediciton\"", "it has no key prediciton; did you mean prediction?");
        cardRefused("\"phase\"", "\"weather\": 1, \"phase\"", "it has no key weather; its keys are [sampleShape, ");
        cardRefused("\"phase\": 0", "\"phase\": 0, \"phase\": 1", "torn or not JSON");
        cardRefused("}}", "", "torn or not JSON (line 2");

        Path without = OddModule.ordinary()
                .write(folder.resolve("odd.pt"), OddModule.CARD.replace("\"prediction\": \"VELOCITY\",", ""));
        assertThat(NetworkFile.readCard(without).prediction()).isEqualTo(Prediction.VELOCITY);
    }

    @Test
    void everyValueOfACardIsOneThatANetworkCanHave() throws IOException {
        String mib = "1024";
        for (String shape : new String[] {"[0]", "[-1, 28, 28]", "[null]", "[" + mib + ", " + mib + ", 1024]"}) {
            cardRefused("[2]", shape, "sampleShape is [");
        }
        cardRefused("[2]", "[]", "sampleShape must have 1 to 7 axes");
        cardRefused("[2]", "[1,1,1,1,1,1,1,1]", "sampleShape must have 1 to 7 axes");
        cardRefused("[2]", "[1.5]", "the key sampleShape");
        cardRefused("[2]", "[99999999999]", "the key sampleShape");
        cardRefused("[\"a\", \"b\"]", "[\"a\", \"a\"]", "classNames has a twice");
        cardRefused("[\"a\", \"b\"]", "[\"a\", null]", "a name that is null or empty");
        cardRefused("[\"a\", \"b\"]", "[\"" + "x".repeat(5000) + "\"]", "a name of 5000 characters");
        cardRefused("\"RECTIFIED_FLOW\"", "\"RECTIFIED\"", "the key schedule");
        cardRefused("\"VELOCITY\"", "\"SPEED\"", "the key prediction");
        cardRefused("\"phase\": 0", "\"phase\": -1", "phase is -1");
        cardRefused("\"timesteps\": []", "\"timesteps\": [0.5, 0.9]", "timesteps must fall from at most 1");
        cardRefused("\"timesteps\": []", "\"timesteps\": [1.5, 0.9]", "timesteps must fall from at most 1");
        cardRefused("\"provenance\": {}", "\"provenance\": {\"a\": null}", "provenance has a null");
    }
}
