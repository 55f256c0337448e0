/// What the writer does at the source: twelve transactions a round, each other rows than in the round before. What
/// varies, varies by the transaction's number, so every demo writes the same.
enum DemoChanges {
  static let transactionsARound = 12

  /// The statements of one transaction, about five rows.
  static func transaction(_ number: Int) -> [String] {
    let round = number / transactionsARound
    // The numbers of new customers, products and orders begin here.
    let first = 1_000_000 + round * 10
    switch number % transactionsARound {
    case 0:
      return [
        """
        insert into customers
        select n, 'live' || n || '@example.org', 'Zoë "' || n || '"', 'DE', '{"exact": 0.10}', now(), now()
        from generate_series(\(first), \(first + 3)) as n
        """,
        """
        insert into products select 'live Ω ' || n, 'Product ' || n, 9.99, 'NaN', '{"a,b", null}', now()
        from generate_series(\(first), \(first + 1)) as n
        """,
      ]
    case 1:
      return [
        """
        insert into orders
        select \(order("n")), \(first + 1), now(), 'open', n * 0.12345678901234567890, now()
        from generate_series(\(first), \(first + 2)) as n
        """,
        """
        insert into order_items
        select \(order("n")), now(), 1, 'live Ω \(first + 1)', 1, now()
        from generate_series(\(first), \(first + 2)) as n
        """,
      ]
    case 2:
      return [
        """
        update customers set name = name || '!', country = 'FR' where id in
          (select n from \(seeded(round, 5, of: 8_000)) where n % 4 <> 0)
        """
      ]
    case 3:
      return [
        """
        update products set price = price + 0.01 where sku in
          (select (array['A-', 'b/', 'C,"(', 'd e ', 'Ω&=', '%2B\\'])[n % 6 + 1] || n
          from \(seeded(round, 6, of: 2_000)))
        """
      ]
    case 4:
      return [
        """
        update orders set status = 'paid', total = total + 0.00000000000000000001 where id in
          (select md5('order' || n)::uuid from \(seeded(round, 6, of: 12_000)))
        """
      ]
    case 5:
      return [
        """
        update order_items set quantity = quantity + 1 where order_id in
          (select md5('order' || n)::uuid from \(seeded(round + 7, 3, of: 12_000)))
        """
      ]
    case 6:
      return [
        """
        insert into archive."Scanned documents" values
          (md5('live \(round)')::uuid, 'New, "\(round)"', repeat('東京 ', 40), '\\x00ff', now())
        """,
        """
        update archive."Scanned documents" set body = coalesce(body, '') || '…' where "document id" in
          (select md5('document' || n)::uuid from \(seeded(round, 4, of: 3_000)))
        """,
      ]
    case 7:
      let id = round * 37 % 900 + 50
      return [
        "delete from all_types where id = \(id)",
        // Gone and back again with another value: what counts is what the row is now.
        "insert into all_types (id, txt, num) values (\(id), 'back in round \(round)', 1.50)",
        """
        update all_types set int8 = coalesce(int8, 0) + 1, momenttz = now(), texts = array['\(round)', null],
          jsb = '{"round": \(round), "exact": 12345678901234567890.10}'
        where id in (select n from \(seeded(round, 3, of: 999)))
        """,
      ]
    case 8:
      // Other keys, which orders and their items follow.
      return [
        "update customers set id = -id, email = 'new.' || email where id = \(first + 1)",
        "update products set sku = 'renamed ' || sku where sku = 'live Ω \(first + 1)'",
      ]
    case 9:
      // Of the round before. The items go with their order.
      return [
        "delete from orders where id = \(order("\(first - 10)"))",
        "delete from customers where id = \(first - 10 + 2)",
        "delete from products where sku = 'live Ω \(first - 10)'",
      ]
    case 10:
      return [
        """
        update customers set notes = '{"big": 123456789012345678901234567890, "round": \(round)}'
        where id in (select n from \(seeded(round + 11, 5, of: 8_000)) where n % 4 <> 0)
        """
      ]
    default:
      return [
        """
        delete from archive."Scanned documents" where "document id" = md5('document\(round % 2_999 + 1)')::uuid
        """,
        """
        delete from order_items where order_id in
          (select md5('order' || n)::uuid from \(seeded(round + 13, 2, of: 12_000)))
        """,
      ]
    }
  }

  private static func order(_ number: String) -> String { "md5('live order ' || \(number))::uuid" }

  /// `count` numbers from 1 up to `rows`, other ones in every round.
  private static func seeded(_ round: Int, _ count: Int, of rows: Int) -> String {
    "(select (\(round) * \(count) + i) * 7919 % \(rows) + 1 as n from generate_series(1, \(count)) as i) as chosen"
  }
}
