import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.index.mapper.MapperExtrasPlugin;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.transport.Netty4Plugin;
import java.util.List;
import java.util.Map;

/** One node of Elasticsearch. Arguments are settings, NAME=VALUE; prints its HTTP port, and ends when stdin does. */
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
