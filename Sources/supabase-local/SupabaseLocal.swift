@main
struct SupabaseLocal {
  static func main() async {}
}
