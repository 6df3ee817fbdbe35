import org.opensearch.common.settings.Settings;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.index.mapper.MapperExtrasPlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;
import java.util.List;
import java.util.Map;

/** One node of OpenSearch. Arguments are settings, NAME=VALUE; prints its HTTP port, and ends when stdin does. */
final class SingleNode extends Node {
  private SingleNode(Settings settings) {
    super(
        InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "single"),
        List.of(Netty4Plugin.class, MapperExtrasPlugin.class), false);
  }

  public static void main(String[] arguments) throws Exception {
    var settings = Settings.builder();
    for (var argument : arguments) {
      var parts = argument.split("=", 2);
      settings.put(parts[0], parts[1]);
    }
    var node = new SingleNode(settings.build());
    node.start();
    var address = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress();
    System.out.println("port " + address.getPort());
    while (System.in.read() >= 0) {}
    // Its data are thrown away: nothing is worth an orderly end.
    Runtime.getRuntime().halt(0);
  }
}
