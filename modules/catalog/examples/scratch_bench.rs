#![allow(warnings, clippy::all)]
use std::sync::Arc; use std::time::Instant;
use catalog::{Catalog,SCHEMA}; use catalog_api::v1::*; use offshoot_contract::*; use offshoot_db::*;
#[tokio::main]
async fn main(){
  let url: DatabaseUrl = std::env::args().nth(1).unwrap().parse().unwrap();
  let o = DbOptions::default();
  migrate(&SCHEMA,&url,&o).await.unwrap();
  let db = Db::open(&SCHEMA,&url,&o).await.unwrap();
  let c = Catalog::new(db, Arc::new(SystemClock));
  let cx=||CallContext::root("bench");
  let products:Vec<NewProduct>=std::fs::read_to_string("/tmp/cat_products.tsv").unwrap().lines().map(|l|{let p:Vec<_>=l.split('\t').collect();
    NewProduct{sku:p[0].into(),name:p[1].into(),description:"".into(),category:"other".into(),price:Money::parse(p[2],Money::GBP).unwrap(),price_since:Some(p[3].parse().unwrap())}}).collect();
  let t=Instant::now();
  for ch in products.chunks(1000){ let r=c.add_many(&mut cx(),ch.to_vec()).await.unwrap(); let bad=r.iter().filter(|o|matches!(o,AddOutcome::Rejected{..})).count(); if bad>0{println!("rejected {bad}")} }
  println!("add {} in {:?}",products.len(),t.elapsed());
  let pts:Vec<PriceChange>=std::fs::read_to_string("/tmp/cat_points.tsv").unwrap().lines().map(|l|{let p:Vec<_>=l.split('\t').collect();
    PriceChange{sku:p[0].into(),price:Money::parse(p[1],Money::GBP).unwrap(),since:p[2].parse().unwrap()}}).collect();
  for round in 0..2 {
  let t=Instant::now();
  for ch in pts.chunks(1000){ c.record_prices(&mut cx(),ch.to_vec()).await.unwrap(); }
  println!("record {} in {:?}",pts.len(),t.elapsed());}
  for q in ["red","white hanging heart","85123A","set of","lantern","zzz"] {
   let t=Instant::now(); let mut n=0; for _ in 0..100 { n=c.browse(&mut cx(),Some(q.into()),None,None,None).await.unwrap().items.len(); }
   println!("search {q:?} {n} {:?} each",t.elapsed()/100);
   let p=c.browse(&mut cx(),Some(q.into()),None,Some(6),None).await.unwrap(); for i in p.items{println!("    {} {}",i.sku,i.name)}
  }
  let t=Instant::now(); let mut tok=None; let mut n=0; loop{let p=c.browse(&mut cx(),None,None,Some(100),tok).await.unwrap(); n+=p.items.len(); tok=p.next_page_token; if tok.is_none(){break}} println!("browse all {n} in {:?}",t.elapsed());
  let id=c.browse(&mut cx(),None,None,Some(1),None).await.unwrap().items[0].id;
  let t=Instant::now(); for _ in 0..1000{c.product(&mut cx(),id).await.unwrap();} println!("product {:?} each",t.elapsed()/1000);
  let t=Instant::now(); for i in 0..200{c.reprice(&mut cx(),id,Money::new(10_000+i,Money::GBP)).await.unwrap();} println!("reprice {:?} each",t.elapsed()/200);
}
