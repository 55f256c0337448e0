@main
struct Supamirror {
  static func main() async {}
}
